"""Texts and column files made to be slow to read: many or much of one thing.

Each is a function of a number of parts, under a name that begins with its format.
"""

from __future__ import annotations

from collections.abc import Callable

Make = Callable[[int], str]


def rows(row: str, *, end: str = "\n") -> Make:
    """Return what repeats a row, in which @ becomes its number."""
    return around("", row, end)


def around(begin: str, middle: str, end: str) -> Make:
    """Return what repeats the middle, in which @ becomes its number."""
    return lambda n: (
        begin + "".join(middle.replace("@", str(i)) for i in range(n)) + end
    )


def ud(misc: str = "_", *, number: str = "", first: int = 1) -> Make:
    """Return a sentence of CoNLL-U.

    Args:
        misc: its last column, in which @ becomes the number of the word.
        number: its first column; that number if empty.
        first: number of the first word.
    """
    return lambda n: "".join(
        f"{number or '@'}\tw\t_\t_\t_\t_\t_\t_\t_\t{misc}\n".replace("@", str(i))
        for i in range(first, first + n)
    )


WEBANNO = "#FORMAT=WebAnno TSV 3.3\n#T_SP=x.NamedEntity|value\n"


def webanno(cells: str) -> Make:
    """Return a sentence of WebAnno TSV whose tokens have these cells."""
    return lambda n: (
        f"{WEBANNO}\n#Text={'w ' * n}\n"
        + "".join(
            f"1-{i}\t{2 * i - 2}-{2 * i - 1}\tw\t{cells.replace('@', str(i))}\n"
            for i in range(1, n + 1)
        )
    )


ROW = "bn/a 0 @ w NN * - - - - "
CSV = "Sentence #,Word,Tag"
TEXT_OF_W = "#Text=w\n"
HEAD = "#begin document (a); part 000\n"
BIOC = "<collection><document><id>1</id><passage><offset>0</offset><text>"
INTENT, EXAMPLES = "## intent:a\n- ", "nlu:\n- intent: a\n  examples: |\n"

TEXTS: dict[str, Make] = {
    "conll: a sentence": rows("w O\n"),
    "conll: sentences": rows("w B-A\n\n"),
    "conll: a sentence of labels": rows("w B-L@\n"),
    "conll: sentences of labels": rows("w B-L@\n\n"),
    "conll: labels without prefix": rows("w L@\n"),
    "conll: strange tags": rows("w B-A\nw x@y z\n"),
    "conll: strangers": rows("w O\nv X@-L\n"),
    "conll: transitions": rows("w I-L@\n"),
    "conll: rows of widths": rows("w O\nw\nw a b c\n"),
    "conll: a row": around("w ", "x ", "O\n"),
    "conll: a word": around("", "w", " O\n"),
    "conll: a tag": around("w B-", "L", "\n"),
    "conll: marks": around("e", "\u0301", " O\n"),
    "conll: words of marks": rows("\u200e B-A\n"),
    "conll: blanks": around("w O\n", " \n", "w O\n"),
    "conll: blank line": around("w O\n", " ", "\nw O\n"),
    "conll: tabs": around("w", "\t", "O\n"),
    "conll: comments": around("", "# c@\n", "w O\n"),
    "conll: documents": rows("-DOCSTART- O\n\nw O\n\n"),
    "conll: document lines": rows("-DOCSTART- O\n"),
    "conll: layers": rows("w B-A I-B\n"),
    "conll: quotes": rows('" O\n'),
    "conll: brackets": rows("( B-A\n"),
    "conll: carriage returns": rows("w O\r"),
    "conll: no line": rows("w O ", end=""),
    "conll: nul": rows("\0 O\n"),
    "conllu: a sentence": ud(),
    "conllu: entities": ud("NE=B-L@"),
    "conllu: one entity": ud("NE=I-L"),
    "conllu: wrong tags": ud("NE=X@"),
    "conllu: brackets": ud("Entity=(e@-person-"),
    "conllu: items": lambda n: ud("a=b|" * n + "c")(1),
    "conllu: no space": ud("SpaceAfter=No"),
    "conllu: a text": lambda n: f"# text = {'w ' * n}\n" + ud()(n),
    "conllu: another text": lambda n: f"# text = {'v ' * n}\n" + ud()(n),
    "conllu: blanks in a text": lambda n: f"# text = w{'  ' * n}\n" + ud()(n),
    "conllu: comments": around("", "# text = w\n", ud()(1)),
    "conllu: ranges": lambda n: "".join(
        ud("NE=B-A", number=f"{i}-{i + 1}")(1) + ud(first=i)(2)
        for i in range(1, 2 * n, 2)
    ),
    "conllu: one range": lambda n: ud(number=f"1-{n}")(1) + ud("NE=B-L@")(n),
    "conllu: empty nodes": lambda n: ud()(1) + ud("NE=B-A", number="1.@")(n),
    "conllu: wrong numbers": ud(number="7"),
    "conllu: short rows": rows("w\n"),
    "conllu: plus": lambda n: (
        around("# global.columns = ID FORM", " C@", "\n")(n) + "1\tw" + "\t_" * n + "\n"
    ),
    "conll2012: a sentence": around(HEAD, ROW + "(A) -\n", "\n"),
    "conll2012: nested": lambda n: HEAD + f"{ROW}(A* -\n" * n + f"{ROW}*) -\n" * n,
    "conll2012: nested in a cell": lambda n: (
        f"{HEAD}{ROW}{'(A' * n}* -\n{ROW}*{')' * n} -\n"
    ),
    "conll2012: unclosed": around(HEAD, ROW + "(A* -\n", "\n"),
    "conll2012: columns": around(HEAD + ROW, "* ", "-\n"),
    "conll2012: wrong": around(HEAD, ROW + "x* -\n", "\n"),
    "csv: a sentence": around(CSV + "\n", ",w,B-L@\n", ""),
    "csv: sentences": around(CSV + "\n", "S@,w,B-A\n", ""),
    "csv: quotes": around("Sentence #,Word,Tag\n1,", '""', ",O\n"),
    "csv: an open quote": around('Sentence #,Word,Tag\n1,"', "w\n", ""),
    "csv: columns": lambda n: CSV + ",c" * n + "\n1,w,O" + ",c" * n + "\n",
    "csv: wrong": around(CSV + "\n", "1\n", ""),
    "csv: texts": around("text,entities\n", '"ab","[(0, 1, \'A\')]"\n', ""),
    "csv: lists": around('words,tags\n"[', "'w', ", "'w']\",\"['O']\"\n"),
    "csv: open lists": around('words,tags\n"', "[", '","[\'O\']"\n'),
    "webanno: tokens": webanno("_"),
    "webanno: entities": webanno("A[@]"),
    "webanno: one entity": webanno("A[1]"),
    "webanno: stacked": lambda n: webanno(around("_", "|A[@]", "")(n))(1),
    "webanno: escapes": lambda n: webanno("\\|" * n)(1),
    "webanno: parts": lambda n: webanno("_")(1) + rows("1-1.@\t0-1\tw\tA\n")(n),
    "webanno: wrong": lambda n: webanno("_")(1) + "x\n" * n,
    "webanno: texts": lambda n: f"{WEBANNO}\n{TEXT_OF_W * n}1-1\t0-1\tw\t_\n",
    "webanno: layers": lambda n: (
        WEBANNO + "#T_SP=x.Other|v\n" * n + "\n#Text=w\n1-1\t0-1\tw" + "\t_" * n + "\n"
    ),
    "bioc-xml: annotations": around(
        BIOC + "ab</text>",
        '<annotation><infon key="type">A</infon><location offset="0" length="1"/>'
        "</annotation>",
        "</passage></document></collection>",
    ),
    "bioc-xml: nesting": around("<collection><document>", "<passage>", ""),
    "bioc-xml: attributes": around(
        "<collection><document ", ' a@="1"', "></document></collection>"
    ),
    "bioc-xml: characters": around(
        BIOC, "&amp;", "</text></passage></document></collection>"
    ),
    "bioc-xml: comments": around("<collection>", "<!-- -->", "</collection>"),
    "bioc-xml: an open tag": around("<collection a='", "a", ""),
    "inline: tags": around("", "<A>b</A> ", "\n"),
    "inline: nested": lambda n: "<A>" * n + "b" + "</A>" * n + "\n",
    "inline: open": around("", "<A>", "\n"),
    "inline: brackets": around("<A>b</A>", "<", "\n"),
    "inline: names": around("<A>b</A>", "<a", "\n"),
    "inline: a name": around("<A>b</A><", "a", "\n"),
    "inline: attributes": around("<A>b</A><a", ' b="c"', "\n"),
    "inline: blanks": around("<A>b</A><a", " ", "\n"),
    "inline: open attributes": around("<A>b</A>", "<a b='", "\n"),
    "inline: ampersands": around("<A>b</A>", "&amp", "\n"),
    "inline: OpenNLP": around("", "<START:a> b <END> ", "\n"),
    "inline: OpenNLP open": around("", "<START:", "<START> b <END>\n"),
    "inline: wrong lines": rows("<A>\n"),
    "pubtator: annotations": lambda n: (
        f"1|t|{'ab' * n}\n1|a|\n"
        + "".join(f"1\t{2 * i}\t{2 * i + 1}\ta\tA\n" for i in range(n))
    ),
    "pubtator: quotes": lambda n: (
        f"1|t|{'ab' * n}\n1|a|\n" + f"1\t0\t{2 * n}\ta\tA\n" * n
    ),
    "pubtator: wrong": rows("1|t|a\n1\tx\n"),
    "pubtator: relations": around("1|t|a\n", "1\tCID\tD1\tD2\n", ""),
    "pubtator: a relation": around("1|t|a\n1\tCID", "\tD", "\n"),
    "pubtator: bars": around("1|t|a\n", "1|", "\n"),
    "pubtator: a line": around("1|t|a\n1\t", "\ta", "\n"),
    "rasa: sentences": around("## intent:a\n", "- go to [b](c@)\n", ""),
    "rasa: intents": rows("## intent:a@\n- go to [b](c)\n"),
    "rasa: marks": around(INTENT, "[b](c) ", "\n"),
    "rasa: values": around(INTENT, '[b]{"entity": "c"} ', "\n"),
    "rasa: brackets": around(INTENT, "[", "\n"),
    "rasa: closing brackets": around(INTENT, "]", "\n"),
    "rasa: braces": around(INTENT, "[b]{", "\n"),
    "rasa: wrong braces": around(INTENT, '[b]{"entity": 1} ', "\n"),
    "rasa: open braces": around(INTENT, '[b]{"entity": "c', "\n"),
    "rasa: braces in braces": around(INTENT, '[b]{"a":', "\n"),
    "rasa: parentheses": around(INTENT, "[b](", "\n"),
    "rasa: open parentheses": around(INTENT, "[b](c", "\n"),
    "rasa: wrong parentheses": around(INTENT, "[b]()", "\n"),
    "rasa: nested": lambda n: f"{INTENT}{'[' * n}b{'](c)' * n}\n",
    "rasa: a label": around("## intent:a\n- [b](", "c", "\n"),
    "rasa: backslashes": around(INTENT, "\\", "\n"),
    "rasa: comments": around("## intent:a\n- a ", "<!-- b -->", "\n"),
    "rasa: open comments": around("## intent:a\n- a ", "<!--", "\n"),
    "rasa: no comments": around("## intent:a\n- a ", "\\<!--", "\n"),
    "rasa: comments on lines": around("## intent:a\n", "<!--\n-->\n", "- a\n"),
    "rasa: sections": around("## intent:a\n- b\n", "## synonym:c@\n- d\n", ""),
    "rasa: wrong sections": around("## intent:a\n- b\n", "## x@:c\n", ""),
    "rasa: wrong items": around("## intent:a\n- b\n", "c@\n", ""),
    "rasa: several values": around(INTENT, "[b][{", "\n"),
    "rasa-yaml: sentences": around(EXAMPLES, "    - go to [b](c)\n", ""),
    "rasa-yaml: a sentence": around(EXAMPLES + "    - ", "[b](c) ", "\n"),
    "rasa-yaml: braces": around(EXAMPLES + "    - ", "[b]{", "\n"),
    "rasa-yaml: intents": around(
        "nlu:\n", "- intent: a@\n  examples: |\n    - b\n", ""
    ),
    "rasa-yaml: texts": around("nlu:\n- intent: a\n  examples:\n", "  - text: b\n", ""),
    "rasa-yaml: texts on one line": around(
        "nlu:\n- intent: a\n  examples: [", "{text: b}, ", "{text: b}]\n"
    ),
    "rasa-yaml: wrong": around(EXAMPLES, "    c\n", ""),
    "rasa-yaml: keys": around("nlu: []\n", "k@: 1\n", ""),
    "rasa-yaml: flow": around("nlu: ", "[", "\n"),
    "rasa-yaml: maps": around("nlu: ", "{a: ", "\n"),
    "rasa-yaml: dashes": around("nlu:\n", "- ", "a\n"),
    "rasa-yaml: questions": around("nlu:\n", "? ", "a\n"),
    "rasa-yaml: anchors": around("nlu:\n", "- &a@ b\n", ""),
    "rasa-yaml: an anchor": around("nlu: &", "a", " b\n"),
    "rasa-yaml: tags": around("nlu:\n", "- !t@ b\n", ""),
    "rasa-yaml: a quote": around('nlu: "', "a\n", '"\n'),
    "rasa-yaml: escapes": around('nlu: "', "\\u00e9", '"\n'),
    "rasa-yaml: a plain text": around("nlu: a", "\n a", "\n"),
    "rasa-yaml: a line": around("nlu: a", " b", "\n"),
    "rasa-yaml: blank lines": around(EXAMPLES, "\n", "    - b\n"),
    "rasa-yaml: spaces": around("nlu:", " ", "\n"),
    "rasa-yaml: comments": around("", "# c\n", "nlu: []\n"),
    "rasa-yaml: documents": around("nlu: []\n", "---\n", ""),
    "rasa-yaml: metadata": around(
        "nlu:\n- intent: a\n  examples:\n  - text: b\n    metadata:\n",
        "      k@: 1\n",
        "",
    ),
    "rasa-yaml: digits": around("%YAML 1.", "1", "\n---\nnlu: []\n"),
    "text: lines": rows("ab\n"),
    "text: a line": rows("ab ", end="\n"),
}
"""The name of a case, which begins with its format, and what makes its corpus."""

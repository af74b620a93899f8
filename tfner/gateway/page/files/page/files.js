/** Text files of any encoding; what is no text is refused with a sentence. */

export const LARGEST_FILE = 2_000_000;

/** Encodings that a reader may choose when a file is not UTF-8. */
export const ENCODINGS = [
  "utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "euc-jp", "iso-2022-jp",
  "windows-1256", "windows-1251", "windows-1250", "windows-1253", "windows-1254",
  "windows-1255", "windows-874", "gb18030", "big5", "euc-kr",
];

const BYTE_ORDER_MARKS = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];
const HIRAGANA = /[\u3041-\u3093]/;

/**
 * Read a file.
 *
 * @param {File} file
 * @returns {Promise<{bytes: Uint8Array, encoding: string, certain: boolean}>} `certain`
 *   is false where the bytes do not tell the encoding.
 * @throws {Error} with a sentence, for a file that is too large, empty or no text.
 */
export async function readFile(file) {
  if (file.size > LARGEST_FILE) {
    const size = (file.size / 1e6).toFixed(1);
    throw new Error(
      `${file.name} has ${size} MB; this page takes text files of up to ` +
      `${LARGEST_FILE / 1e6} MB. Cut it, or send it with \`tfner predict\`.`);
  }
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} cannot be read: it is a folder, or was moved meanwhile.`);
  }
  if (!bytes.length) throw new Error(`${file.name} is empty.`);
  const guess = guessEncoding(bytes);
  if (!guess.encoding.startsWith("utf-16") && bytes.includes(0)) {
    throw new Error(`${file.name} is not a text file. Save it as plain text (.txt) first.`);
  }
  return { bytes, ...guess };
}

/** Text of bytes; what the encoding does not know becomes U+FFFD. */
export function decode(bytes, encoding) {
  return new TextDecoder(encoding).decode(bytes);
}

function guessEncoding(bytes) {
  for (const [encoding, mark] of BYTE_ORDER_MARKS) {
    if (mark.every((byte, at) => bytes[at] === byte)) return { encoding, certain: true };
  }
  const iso2022 = bytes.includes(0x1b) && isJapanese(bytes, "iso-2022-jp");
  if (iso2022) return { encoding: "iso-2022-jp", certain: true };
  if (fits(bytes, "utf-8") !== null) return { encoding: "utf-8", certain: true };
  const japanese = ["shift_jis", "euc-jp"].find((encoding) => isJapanese(bytes, encoding));
  return { encoding: japanese ?? "windows-1252", certain: false };
}

/** Japanese has hiragana, and other text read as Japanese has hardly any. */
function isJapanese(bytes, encoding) {
  return HIRAGANA.test(fits(bytes, encoding) ?? "");
}

function fits(bytes, encoding) {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

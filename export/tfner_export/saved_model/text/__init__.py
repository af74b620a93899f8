"""Raw text to entities as a graph: the steps of the Predictor, in operators.

All texts of a batch lie behind each other in one row of characters, and later of
pieces and words, so that long and short ones cost what they hold. What Python decides
from left to right, such as where the next word begins, is decided here for every place
at once, and then followed by leaps that double: see `jumps`.

Only operators of TensorFlow itself are used, none of tensorflow-text: any server and
any Python that loads the other signatures loads this one.
"""

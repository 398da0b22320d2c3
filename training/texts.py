"""Texts that stand in for pictures (`training.stand_in`), and what is asked about them.

- Captions of photos and clips of which the project has no picture: one caption is the picture, the others are answers to
  "describe".
- ActivityNet: the sentences of a video, in time order, are its frames; asked is what comes first, last and in order.

Left out: Flickr8k's photos, whose captions Flickr30k has too, COCO's, which prompts quote, and whatever is not a train row.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from .data import clean_caption, data_root, read_json_lines
from .instructions import phrasings
from .instructions.order import told
from .instructions.record import MAX_FRAMES, Frame, Record, Turn
from .prompt import DESCRIBE_IMAGE, DESCRIBE_VIDEO

# Files of captions, several of one picture or clip a row, and whether they are clips.
CAPTIONS = {
    "flickr30k_multi30k_captions": False,
    "msrvtt_captions": True,
    "msvd_video_captions": True,
    "charades_descriptions": True,
}
SEQUENCES = "activitynet_captions"
ANSWERS = 5
MAX_WORDS = 24
FIRST_LINES = 2


def usable(row: dict) -> bool:
    """Train rows that are not Flickr8k's."""
    return row.get("split", "train") == "train" and not row.get("flickr8k_split")


def good(captions: list[str]) -> list[str]:
    """Cleaned, each once, none of them long."""
    cleaned = dict.fromkeys(map(clean_caption, captions))
    return [text for text in cleaned if 4 <= len(text.split()) <= MAX_WORDS]


def described(name: str, row: dict, texts: list[str]) -> Record | None:
    """One caption seen, the others said; adds the seen one to `texts`."""
    captions, is_clip = good(row["captions"]), CAPTIONS[name]
    if len(captions) < FIRST_LINES:
        return None
    random = Random(f"{name}/{row['id']}")
    random.shuffle(captions)
    question = phrasings.ask(phrasings.CAPTION, random, medium="video" if is_clip else "picture")
    if random.random() < 0.5:
        question = DESCRIBE_VIDEO if is_clip else DESCRIBE_IMAGE
    texts.append(captions[0])
    frames = (Frame("text", str(len(texts) - 1), 0),)
    return Record(f"text/{name}/{row['id']}", "caption", frames, not is_clip, (Turn(question, tuple(captions[1 : ANSWERS + 1])),))


def ordered(row: dict, texts: list[str]) -> Record | None:
    """A video's sentences in time order; adds them to `texts`. None where they are few, many or overlap in time entirely."""
    told_at = sorted(zip(row["timestamps"], map(clean_caption, row["captions"]), strict=True))
    starts = [start for (start, _), _ in told_at]
    sentences = [text for _, text in told_at]
    if not 2 <= len(sentences) <= 4 or len(set(starts)) < len(starts) or any(not 3 <= len(text.split()) <= MAX_WORDS for text in sentences):
        return None
    random = Random(f"{SEQUENCES}/{row['id']}")
    first = len(texts)
    texts += sentences
    shown = [Frame("text", str(first + number), 0) for number in range(len(sentences)) for _ in range(random.randint(1, MAX_FRAMES // 4))]
    turns = (
        Turn(phrasings.ask(phrasings.FIRST, random, medium="video"), (sentences[0],), "first"),
        Turn(phrasings.ask(phrasings.LAST, random, medium="video"), (sentences[-1],), "last"),
        Turn(phrasings.ask(phrasings.IN_ORDER, random, medium="video"), (told(sentences),), "in-order"),
    )
    return Record(f"text/{SEQUENCES}/{row['id']}", "order", tuple(shown), False, turns)


def read_texts(root: Path | None = None) -> tuple[list[str], list[Record]]:
    """(texts to embed, records whose frames name them by row). Raises FileNotFoundError where a file is missing."""
    folder = (root or data_root()) / "text"
    texts: list[str] = []
    records: list[Record | None] = []
    for name in CAPTIONS:
        records += [described(name, row, texts) for row in read_json_lines(folder / f"{name}.jsonl.xz") if usable(row)]
    records += [ordered(row, texts) for row in read_json_lines(folder / f"{SEQUENCES}.jsonl.xz") if usable(row)]
    return texts, [record for record in records if record is not None]

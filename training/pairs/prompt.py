"""The prompt of a pair: the language model's own chat template, cut where VISUAL stands (`training.parts.Prompt`)."""

from __future__ import annotations

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from .config import DecoderConfig

# Stand for VISUAL and for an answer in the rendered template; no template changes letters.
VISUAL, ANSWER = "VISUALSTANDSHERE", "ANSWERSTANDSHERE"


class TemplatePrompt:
    """The user's message is VISUAL, a new line, the question. The pieces between are tokenised apart, in training and after."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system: str | None) -> None:
        """Raises ValueError where the template does not keep the user's words."""
        self.tokenizer = tokenizer
        self._opening = [] if system is None else [{"role": "system", "content": system}]
        self._before = self._pieces(self._asking("?"), VISUAL)[0]
        self._closing = self._closing_ids()

    @classmethod
    def load(cls, config: DecoderConfig) -> TemplatePrompt:
        tokenizer = AutoTokenizer.from_pretrained(config.model)
        if config.chatTemplate is not None:
            tokenizer.chat_template = config.chatTemplate
        return cls(tokenizer, config.system)

    def _asking(self, question: str) -> list[dict[str, str]]:
        return [*self._opening, {"role": "user", "content": f"{VISUAL}\n{question}"}]

    def _pieces(self, messages: list[dict[str, str]], mark: str) -> list[str]:
        answered = messages[-1]["role"] == "assistant"
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=not answered)
        pieces = text.split(mark)
        if len(pieces) != 2:
            raise ValueError(f"the chat template shows the user's words {len(pieces) - 1} times")
        return pieces

    def encode(self, text: str) -> list[int]:
        """Ids of a piece of the prompt; what the template adds (a start token) it has added."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _closing_ids(self) -> list[int]:
        """What closes an answer: up to the first special token behind it, or the tokenizer's end of sequence."""
        tail = self.encode(self._pieces([*self._asking("?"), {"role": "assistant", "content": ANSWER}], ANSWER)[1])
        special = [index for index, id in enumerate(tail) if id in self.tokenizer.all_special_ids]
        return tail[: special[0] + 1] if special else [self.tokenizer.eos_token_id]

    def prefix(self) -> list[int]:
        return self.encode(self._before)

    def suffix(self, question: str) -> list[int]:
        return self.encode(self._pieces(self._asking(question), VISUAL)[1])

    def again(self, question: str) -> list[int]:
        later = [{"role": "assistant", "content": ANSWER}, {"role": "user", "content": question}]
        between = self.encode(self._pieces([*self._asking("?"), *later], ANSWER)[1])
        closed = between[: len(self._closing)] == self._closing
        return between[len(self._closing) :] if closed else between

    def answer(self, text: str) -> list[int]:
        return [*self.encode(text), *self._closing]

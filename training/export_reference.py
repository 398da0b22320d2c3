"""PyTorch reference of an exported base: transformers' Llama with its dequantised weights, and greedy decoding."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.derive import Adapter, adapted
from training.export_adapter import MODULES, transformers_row_order
from training.gguf_base import OUTPUT, Base


def llama_config(architecture: dict, tied: bool = True) -> LlamaConfig:
    """transformers' configuration of a base.json `architecture`; `tied`: the output matrix is the embedding."""
    return LlamaConfig(
        vocab_size=architecture["vocabSize"],
        hidden_size=architecture["hiddenSize"],
        intermediate_size=architecture["intermediateSize"],
        num_hidden_layers=architecture["layers"],
        num_attention_heads=architecture["heads"],
        num_key_value_heads=architecture["kvHeads"],
        head_dim=architecture["headDim"],
        rms_norm_eps=architecture["rmsNormEps"],
        rope_parameters={"rope_type": "default", "rope_theta": float(architecture["ropeTheta"])},
        max_position_embeddings=architecture["maxPositions"],
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )


def llama(base: Base, adapter: Adapter | None = None) -> LlamaForCausalLM:
    """The float32 model in evaluation mode, with `adapter` (in GGUF row order) merged in."""
    architecture = base.manifest["architecture"]

    def weight(name: str) -> torch.Tensor:
        rows = adapted(base.tensor(name), name, adapter)
        if ".attn_q." in name:
            rows = transformers_row_order(rows, architecture["heads"])
        elif ".attn_k." in name:
            rows = transformers_row_order(rows, architecture["kvHeads"])
        return torch.from_numpy(rows.copy())

    state = {
        "model.embed_tokens.weight": weight(base.manifest["embedding"]),
        "model.norm.weight": weight("output_norm.weight"),
    }
    tied = not base.has(OUTPUT)
    state["lm_head.weight"] = state["model.embed_tokens.weight"] if tied else weight(OUTPUT)
    for layer in range(architecture["layers"]):
        for module, part in MODULES.items():
            state[f"model.layers.{layer}.{module}.weight"] = weight(f"blk.{layer}.{part}.weight")
        state[f"model.layers.{layer}.input_layernorm.weight"] = weight(f"blk.{layer}.attn_norm.weight")
        state[f"model.layers.{layer}.post_attention_layernorm.weight"] = weight(f"blk.{layer}.ffn_norm.weight")
    with torch.device("meta"):
        model = LlamaForCausalLM(llama_config(architecture, tied))
    model = model.to_empty(device="cpu")
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    model.load_state_dict(state, strict=True)
    return model.eval()


@torch.inference_mode()
def logits(model: LlamaForCausalLM, embeddings: torch.Tensor) -> torch.Tensor:
    """Float32 logits [S, vocab] of embeddings [S, hidden], computed in one piece without a cache."""
    return model(inputs_embeds=embeddings[None], use_cache=False).logits[0].float()


def greedy(model: LlamaForCausalLM, embeddings: torch.Tensor, limit: int, stop: int) -> tuple[list[int], float]:
    """Greedy token ids after `embeddings`, each step from scratch, `stop` excluded; and the smallest top-1 margin."""
    table = model.get_input_embeddings().weight
    ids: list[int] = []
    margin = float("inf")
    while len(ids) < limit:
        best = logits(model, embeddings)[-1].topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        token = int(best.indices[0])
        if token == stop:
            break
        ids.append(token)
        embeddings = torch.cat([embeddings, table[token][None].detach()])
    return ids, margin

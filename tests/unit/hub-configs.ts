/**
 * Configurations with the keys and values of the published checkpoints (docs/packs.md names the sources), as far as they
 * matter for running them.
 */
import type { HubConfigs } from '../../workers/packs/hub/config'

const half = [0.5, 0.5, 0.5]

/** SmolVLM2-256M-Video-Instruct; the text half is SmolLM2-135M's shape. */
export const smolvlm: HubConfigs = {
  'config.json': {
    model_type: 'smolvlm',
    image_token_id: 49190,
    scale_factor: 4,
    text_config: {
      model_type: 'llama',
      hidden_size: 576,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      head_dim: 64,
      vocab_size: 49280,
      max_position_embeddings: 8192,
    },
    vision_config: { model_type: 'smolvlm_vision', image_size: 512, patch_size: 16 },
  },
  'preprocessor_config.json': {
    do_image_splitting: true,
    image_mean: half,
    image_std: half,
    max_image_size: { longest_edge: 512 },
    resample: 1,
    rescale_factor: 0.00392156862745098,
    size: { longest_edge: 2048 },
    video_sampling: { fps: 1, max_frames: 64, video_size: { longest_edge: 512 } },
  },
}

export const llavaOnevision: HubConfigs = {
  'config.json': {
    model_type: 'llava_onevision',
    image_token_index: 151646,
    text_config: {
      model_type: 'qwen2',
      hidden_size: 896,
      num_hidden_layers: 24,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      vocab_size: 152000,
      max_position_embeddings: 32768,
    },
    vision_config: { model_type: 'siglip_vision_model', image_size: 384, patch_size: 14 },
    vision_feature_select_strategy: 'full',
  },
  'preprocessor_config.json': {
    image_mean: half,
    image_std: half,
    resample: 3,
    rescale_factor: 0.00392156862745098,
    size: { height: 384, width: 384 },
  },
}

export const lfm2Vl: HubConfigs = {
  'config.json': {
    model_type: 'lfm2_vl',
    image_token_id: 396,
    downsample_factor: 2,
    text_config: {
      model_type: 'lfm2',
      hidden_size: 1024,
      num_hidden_layers: 16,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      vocab_size: 65536,
      max_position_embeddings: 128000,
      conv_L_cache: 3,
      layer_types: [2, 5, 8, 10, 12, 14].reduce(
        (layers, at) => layers.with(at, 'full_attention'),
        Array.from({ length: 16 }, () => 'conv'),
      ),
    },
    vision_config: { model_type: 'siglip2_vision_model', patch_size: 16 },
  },
  'preprocessor_config.json': {
    downsample_factor: 2,
    encoder_patch_size: 16,
    tile_size: 512,
    image_mean: half,
    image_std: half,
    resample: 3,
  },
}

export const fastvlm: HubConfigs = {
  'config.json': {
    model_type: 'llava_qwen2',
    image_token_index: 151646,
    hidden_size: 896,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    vocab_size: 152000,
    max_position_embeddings: 32768,
  },
  'preprocessor_config.json': {
    crop_size: { height: 1024, width: 1024 },
    do_center_crop: true,
    image_mean: [0, 0, 0],
    image_std: [1, 1, 1],
    resample: 3,
    rescale_factor: 0.00392156862745098,
    size: { shortest_edge: 1024 },
  },
  'processor_config.json': { patch_size: 64, num_additional_image_tokens: 0 },
}

export const llava: HubConfigs = {
  'config.json': {
    model_type: 'llava',
    image_token_index: 32000,
    text_config: {
      model_type: 'llama',
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      vocab_size: 32064,
      max_position_embeddings: 4096,
    },
    vision_config: { model_type: 'clip_vision_model', image_size: 336, patch_size: 14 },
    vision_feature_select_strategy: 'default',
  },
  'preprocessor_config.json': {
    crop_size: { height: 336, width: 336 },
    do_center_crop: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
    resample: 3,
    size: { shortest_edge: 336 },
  },
}

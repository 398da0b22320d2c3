/** What a repository is, told from its configuration; what a device fetches of it; what a clip then costs. */
import { describe, expect, test } from 'vitest'
import { type HubConfigs, recognise } from '../../workers/packs/hub/config'
import { assessHub } from '../../workers/packs/hub/fitness'
import {
  chooseFiles,
  type HubDevice,
  lackingFor,
  type PublishedParts,
  requireCard,
} from '../../workers/packs/hub/precision'
import { positionBytes, visualCost, visualShape } from '../../workers/packs/hub/tokens'
import { fastvlm, lfm2Vl, llava, llavaOnevision, smolvlm } from './hub-configs'

const change = (configs: HubConfigs, path: keyof HubConfigs, values: object): HubConfigs => ({
  ...configs,
  [path]: { ...(configs[path] as object), ...values },
})

describe('recognising', () => {
  test.each([
    ['smolvlm', smolvlm, { inputSize: 512, resize: 'squash', filter: 'lanczos-antialias', featureGrid: 8, ownGrid: 8 }],
    [
      'llava-onevision',
      llavaOnevision,
      { inputSize: 384, resize: 'squash', filter: 'bicubic-antialias', featureGrid: 27, ownGrid: 14, cls: false },
    ],
    ['lfm2-vl', lfm2Vl, { inputSize: 512, resize: 'squash', patch: 16, featureGrid: 16, ownGrid: 16 }],
    ['fastvlm', fastvlm, { inputSize: 1024, resize: 'center-crop', featureGrid: 16, ownGrid: 16 }],
    ['llava', llava, { inputSize: 336, resize: 'center-crop', featureGrid: 24, ownGrid: 24, cls: false }],
  ] as const)('%s', (family, configs, frames) => {
    expect(recognise('a/b', configs)).toMatchObject({ family, frames })
  })

  test('the decoder’s shape: heads where they are not named, layers without attention', () => {
    expect(recognise('a/b', llava).text).toMatchObject({ decoder: 'llama', kvHeads: 32, headDim: 128 })
    const { text } = recognise('a/b', lfm2Vl)
    expect(text.attentionLayers).toEqual([2, 5, 8, 10, 12, 14])
    expect(text.convLayers).toEqual([0, 1, 3, 4, 6, 7, 9, 11, 13, 15])
    expect(text.convCache).toBe(3)
  })

  test('CLIP’s CLS counts where the checkpoint keeps it', () => {
    const full = change(llava, 'config.json', { vision_feature_select_strategy: 'full' })
    expect(recognise('a/b', full).frames.cls).toBe(true)
  })

  test.each<[string, HubConfigs, object]>([
    [
      'another kind',
      { 'config.json': { model_type: 'qwen2_vl' } },
      { code: 'hub-family', data: { family: 'qwen2_vl' } },
    ],
    [
      'a known kind around an unknown decoder',
      change(llava, 'config.json', {
        text_config: { ...(llava['config.json'] as { text_config: object }).text_config, model_type: 'mamba' },
      }),
      { code: 'hub-family', data: { family: 'mamba' } },
    ],
    [
      'no configuration of the pictures',
      { 'config.json': smolvlm['config.json'] },
      { code: 'hub-config', data: { path: 'preprocessor_config.json' } },
    ],
    [
      'a decoder without a size',
      change(smolvlm, 'config.json', { text_config: { model_type: 'llama' } }),
      { code: 'hub-config', data: { path: 'config.json' } },
    ],
    [
      'another scale of pixels',
      change(smolvlm, 'preprocessor_config.json', { rescale_factor: 1 / 127.5 }),
      { code: 'hub-config', data: { problems: [expect.stringContaining('rescale_factor')] } },
    ],
    [
      'a resampling that is not ours',
      change(smolvlm, 'preprocessor_config.json', { resample: 0 }),
      { code: 'hub-config', data: { problems: [expect.stringContaining('resample')] } },
    ],
    [
      'no image token',
      change(llava, 'config.json', { image_token_index: -200 }),
      { code: 'hub-config', data: { problems: ['names no image token'] } },
    ],
    [
      'patches that do not fill the picture',
      change(smolvlm, 'preprocessor_config.json', { max_image_size: { longest_edge: 500 } }),
      { code: 'hub-config', data: { problems: [expect.stringContaining('500 pixels')] } },
    ],
  ])('refuses %s, and says what it is', (_, configs, failure) => {
    let thrown: unknown
    try {
      recognise('some/model', configs)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ ...failure, data: expect.objectContaining({ repository: 'some/model' }) })
    expect(thrown).toMatchObject(failure)
  })

  test('names the key that is wrong', () => {
    const broken = change(smolvlm, 'config.json', { text_config: { model_type: 'llama', hidden_size: 'wide' } })
    expect(() => recognise('a/b', broken)).toThrow(
      expect.objectContaining({
        data: expect.objectContaining({
          problems: expect.arrayContaining([expect.stringMatching(/^text_config\.hidden_size: /)]),
        }),
      }),
    )
  })
})

/** Sizes of SmolVLM2-256M's files as its pages list them. */
const published: PublishedParts = {
  vision_encoder: { f32: 374e6, f16: 187e6, q8: 94.2e6 },
  embed_tokens: { f32: 114e6, f16: 56.8e6, q8: 28.4e6 },
  decoder_model_merged: { f32: 541e6, f16: 271e6, q4f16: 77.4e6, q8: 138e6 },
}
const gpu: HubDevice = { webgpu: { software: false, shaderF16: true }, memoryGiB: 8, storageBufferBytes: 2 ** 31 }
const model = recognise('a/b', smolvlm)
const precisions = (device: Partial<HubDevice>, parts = published, of = model) => {
  const { backend, files } = chooseFiles('a/b', { ...gpu, ...device }, parts, of)
  return [backend, ...Object.values(files).map(({ precision }) => precision)]
}

describe('files for a device', () => {
  test('a graphics card with 16-bit shaders takes 4-bit decoding', () => {
    expect(precisions({})).toEqual(['webgpu', 'f16', 'f16', 'q4f16'])
    expect(chooseFiles('a/b', gpu, published, model)).toMatchObject({ bytes: 187e6 + 56.8e6 + 77.4e6, refused: [] })
  })

  test('one without them takes 32 bits on it, and looks rows up in 16', () => {
    expect(precisions({ webgpu: { software: false, shaderF16: false } })).toEqual(['webgpu', 'f32', 'f16', 'f32'])
    const { refused } = chooseFiles('a/b', { ...gpu, webgpu: { software: false, shaderF16: false } }, published, model)
    expect(refused).toContainEqual({ part: 'decoder_model_merged', precision: 'q4f16', why: 'no-f16' })
    expect(refused).toContainEqual({ part: 'vision_encoder', precision: 'q4f16', why: 'not-published' })
  })

  test.each([
    ['no adapter', null],
    ['a CPU that pretends', { software: true, shaderF16: true }],
  ])('%s runs 8 bits on the processor', (_, webgpu) => {
    expect(precisions({ webgpu })).toEqual(['wasm', 'q8', 'q8', 'q8'])
  })

  test('a small buffer rules out the form whose output matrix does not fit', () => {
    const onlyWide = { ...published, decoder_model_merged: { f16: 271e6, f32: 541e6 } }
    const matrix = 49280 * 576 * 2
    expect(precisions({ storageBufferBytes: matrix }, onlyWide)).toContain('f16')
    expect(() => precisions({ storageBufferBytes: matrix - 1 }, onlyWide)).toThrow(
      expect.objectContaining({ code: 'hub-layout' }),
    )
  })

  test('before the configuration is read, the table of embeddings tells how large that matrix is', () => {
    const { shaderF16, buffer } = chooseFiles('a/b', gpu, published, null)
    expect(shaderF16).toBe(true)
    expect(buffer).toBeCloseTo((114e6 / 4) * 0.5625)
    const small = { ...gpu, storageBufferBytes: 16e6 }
    expect(() => chooseFiles('a/b', small, published, null)).toThrow(expect.objectContaining({ code: 'hub-layout' }))
    expect(chooseFiles('a/b', { ...gpu, webgpu: null }, published, null)).toMatchObject({
      shaderF16: false,
      buffer: null,
    })
  })

  test('a part in no form that runs here is named with the files that were looked for', () => {
    const without = { ...published, decoder_model_merged: { q4f16: 77e6 } }
    expect(() => precisions({ webgpu: null }, without)).toThrow(
      expect.objectContaining({
        code: 'hub-layout',
        data: {
          repository: 'a/b',
          missing: ['onnx/decoder_model_merged_quantized.onnx', 'onnx/decoder_model_merged.onnx'],
        },
      }),
    )
  })

  test('too little memory is told with both numbers', () => {
    expect(() => precisions({ memoryGiB: 1 })).toThrow(
      expect.objectContaining({ code: 'hub-too-big', data: expect.objectContaining({ limit: 2 ** 29 }) }),
    )
    expect(precisions({ memoryGiB: null })).toContain('q4f16')
  })
})

describe('whether a device runs it', () => {
  const device = { ...gpu, decodesVideo: true, freeBytes: 1e9 }
  const choice = chooseFiles('a/b', gpu, published, null)

  test('what it takes is told, and that it runs', () => {
    expect(assessHub('a/b', device, choice, 300e6)).toEqual({
      runs: true,
      backend: 'webgpu',
      shaderF16: true,
      buffer: choice.buffer,
      memory: 2 * choice.bytes + 250e6,
      problems: [],
    })
  })

  test('too little known of its files is neither yes nor no', () => {
    expect(assessHub('a/b', device, null, 0)).toMatchObject({ runs: null, memory: null, problems: [] })
  })

  test.each([
    [{ memoryGiB: 1 }, { code: 'hub-too-big', data: { repository: 'a/b', needed: choice.memory, limit: 2 ** 29 } }],
    [{ freeBytes: 1000 }, { code: 'quota', data: { needed: 300e6, free: 1000 } }],
    [{ decodesVideo: false }, { code: 'unsupported-browser', data: { feature: 'WebCodecs' } }],
  ])('%j is refused, with the reason', (lack, problem) => {
    expect(assessHub('a/b', { ...device, ...lack }, choice, 300e6)).toMatchObject({ runs: false, problems: [problem] })
  })
})

describe('files that are held', () => {
  const card = { software: false, shaderF16: true }
  test.each([
    [['f16', 'q4f16'], null, 'webgpu'],
    [['f16', 'q4f16'], { ...card, software: true }, 'webgpu'],
    [['f32', 'q4f16'], { ...card, shaderF16: false }, 'shader-f16'],
    [['f16', 'q4f16'], card, null],
    // Slower there than what would be chosen now, but they run.
    [['f32', 'f32'], null, null],
    [['q8', 'q8'], null, null],
    [['q8', 'f32'], card, null],
  ] as const)('%j on %j lack %s', (precisions, webgpu, feature) => {
    expect(lackingFor(precisions, webgpu)).toBe(feature)
    const require = () => requireCard('a/b', precisions, webgpu)
    if (feature === null) require()
    else
      expect(require).toThrow(
        expect.objectContaining({ code: 'hub-other-device', data: { repository: 'a/b', feature } }),
      )
  })
})

describe('what a clip costs', () => {
  test('Valley’s pooling against every frame’s tokens', () => {
    expect(visualCost(visualShape(model, 'f16'), 8, 'own').tokens).toBe(8 * 64)
    expect(visualCost(visualShape(model, 'f16'), 8, 'mean').tokens).toBe(64 + 8)
    expect(visualCost(visualShape(model, 'f16'), 8, 'importance').tokens).toBe(64 + 8)
    expect(visualCost(visualShape(recognise('a/b', llavaOnevision), 'f16'), 16, 'own').tokens).toBe(16 * 196)
    expect(visualCost(visualShape(recognise('a/b', llavaOnevision), 'f16'), 16, 'mean').tokens).toBe(729 + 16)
  })

  test('a picture has nothing to pool', () => {
    expect(visualCost(visualShape(model, 'f16'), 1, 'mean')).toEqual(visualCost(visualShape(model, 'f16'), 1, 'own'))
    expect(visualCost(visualShape(recognise('a/b', llavaOnevision), 'f16'), 1, 'own').tokens).toBe(729)
  })

  test('memory is keys and values of the layers that have them', () => {
    expect(positionBytes(model, 4)).toBe(2 * 30 * 3 * 64 * 4)
    expect(positionBytes(recognise('a/b', lfm2Vl), 2)).toBe(2 * 6 * 8 * 64 * 2)
    expect(visualCost(visualShape(model, 'f16'), 8, 'mean').memory).toBe(72 * positionBytes(model, 2))
  })
})

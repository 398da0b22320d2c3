/** The peer "wllama": llama.cpp in WASM on a GGUF of the same weights, through its own chat template and its own timings. */
import { type ChatCompletionResponse, type ResultTimings, Wllama } from '@wllama/wllama'
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url'
import { type Peer, type PeerAnswer, type PeerQuestion, parameter } from './peer'

const wllama = new Wllama({ default: new URL(wasmUrl, location.href).href }, { suppressNativeLog: true })

const peer: Peer = {
  load: () =>
    wllama.loadModelFromUrl(parameter('model'), {
      n_ctx: 1024,
      n_threads: Number(parameter('threads')),
      // The bench compares processors where the app decodes on one, and graphics cards where it decodes on one.
      n_gpu_layers: parameter('device') === 'webgpu' ? 999 : 0,
    }),
  chat,
}

async function chat({ turns, question, maxNewTokens }: PeerQuestion): Promise<PeerAnswer> {
  const started = performance.now()
  const past = turns.flatMap(({ question, answer }) => [
    { role: 'user' as const, content: question },
    { role: 'assistant' as const, content: answer },
  ])
  // Its timings come with the answer, though its types do not say so.
  const { choices, timings }: ChatCompletionResponse & { readonly timings?: ResultTimings } =
    await wllama.createChatCompletion({
      messages: [{ role: 'system', content: parameter('system') }, ...past, { role: 'user', content: question }],
      max_tokens: maxNewTokens,
      temperature: 0,
      penalty_repeat: 1,
    })
  const text = choices[0]?.message.content
  return { text: typeof text === 'string' ? text : '', ...figures(timings), wallMs: performance.now() - started }
}

function figures(timings: ResultTimings | undefined) {
  if (!timings) throw new Error('wllama gave no timings')
  const { prompt_n, prompt_ms, predicted_n, predicted_ms } = timings
  return { promptTokens: prompt_n, prefillMs: prompt_ms, newTokens: predicted_n, decodeMs: predicted_ms }
}

globalThis.peer = peer

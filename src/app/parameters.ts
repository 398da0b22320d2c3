import type { Backend } from '../../workers/protocol'

export type Parameters = {
  readonly packUrl: string
  readonly visionBackend?: Backend
  readonly languageBackend?: Backend
}

const defaultPack = 'models/valley-nano/pack.json'

const backend = (value: string | null): Backend | undefined =>
  value === 'wasm' || value === 'webgpu' ? value : undefined

/**
 * What the address asks for: `?vision=` and `?language=` force a backend (`wasm` or `webgpu`), `?pack=` names another
 * pack.json of the same origin. Anything else is ignored.
 */
export function readParameters(page: URL, base: URL): Parameters {
  const named = page.searchParams.get('pack')
  const wanted = named ? new URL(named, base) : undefined
  const packUrl = wanted?.origin === page.origin ? wanted.href : new URL(defaultPack, base).href
  const vision = backend(page.searchParams.get('vision'))
  const language = backend(page.searchParams.get('language'))
  return {
    packUrl,
    ...(vision ? { visionBackend: vision } : {}),
    ...(language ? { languageBackend: language } : {}),
  }
}

/**
 * The one exception from "nothing leaves this origin": the worker that fetches packs may talk to a hub of models, where a
 * person asked for it. Its script is then asked for with `?hub=ORIGIN`, and the service worker answers with a policy that
 * opens that origin, for that worker alone. Data and string functions only; no library, no `self`.
 */
import { defaultHub } from './hub-origin'
import { contentSecurityPolicy } from './security-headers'

/**
 * Where the default hub sends a request for a large file on to. From its own list, https://huggingface.co/.well-known/meta.json
 * (`lfsDomains`, `cdnDomains`), and the bridge to its newer storage. A mirror must give the files itself.
 */
export const defaultHubFileHosts = [
  'cdn-lfs.hf.co',
  'cdn-lfs-us-1.hf.co',
  'cdn-lfs-eu-1.hf.co',
  'transfer.xethub.hf.co',
  'transfer.xethub-eu.hf.co',
  'cas-bridge.xethub.hf.co',
  'aws.cdn.hf.co',
  'us.aws.cdn.hf.co',
  'us-east-1.aws.cdn.hf.co',
  'us-west-2.aws.cdn.hf.co',
  'eu-west-3.aws.cdn.hf.co',
  'ap-southeast-1.aws.cdn.hf.co',
  'us.gcp.cdn.hf.co',
  'us-east1.us.gcp.cdn.hf.co',
  'us-central1.us.gcp.cdn.hf.co',
  'us-west4.us.gcp.cdn.hf.co',
  'europe-west4.us.gcp.cdn.hf.co',
  'asia-southeast1.us.gcp.cdn.hf.co',
] as const

/** The policy of a worker that fetches from `origin`, which parseHubOrigin gave. */
export function hubPolicy(origin: string): string {
  const beside = origin === defaultHub ? defaultHubFileHosts.map((host) => `https://${host}`) : []
  const sources = ["'self'", origin, ...beside].join(' ')
  return contentSecurityPolicy.replace("connect-src 'self'", `connect-src ${sources}`)
}

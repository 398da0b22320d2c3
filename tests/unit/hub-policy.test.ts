/** What the policy of the worker that fetches packs lets out. */
import { describe, expect, test } from 'vitest'
import { defaultHub, parseHubOrigin } from '../../workers/offline/hub-origin'
import { hubPolicy } from '../../workers/offline/hub-policy'
import { contentSecurityPolicy } from '../../workers/offline/security-headers'

const connect = (policy: string) => policy.match(/connect-src ([^;]*)/)?.[1]?.split(' ')

describe('an origin out of what was typed', () => {
  test.each([
    ['https://huggingface.co', 'https://huggingface.co'],
    [' hf.example.org/some/path?x=1 ', 'https://hf.example.org'],
    ['https://mirror.example.org:8443/', 'https://mirror.example.org:8443'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5000'],
    ['http://localhost:5000/', 'http://localhost:5000'],
  ])('%s', (typed, origin) => expect(parseHubOrigin(typed)).toBe(origin))

  test.each([
    '',
    'http://example.org',
    'ftp://example.org',
    'https://*.example.org',
    'https://user:secret@example.org',
    'javascript:alert(1)',
    'intranet',
    'https://',
  ])('%s is refused', (typed) => expect(parseHubOrigin(typed)).toBeNull())

  test('nothing but a host can get into the policy', () => {
    const origin = parseHubOrigin("https://example.org; script-src 'unsafe-eval'") ?? 'https://example.org'
    expect(hubPolicy(origin)).not.toContain('unsafe-eval;')
    expect(connect(hubPolicy(origin))).toEqual(["'self'", 'https://example.org'])
  })
})

describe('the policy', () => {
  test('opens a mirror’s origin and nothing else', () => {
    const policy = hubPolicy('https://mirror.example.org')
    expect(policy.replace(' https://mirror.example.org', '')).toBe(contentSecurityPolicy)
    expect(connect(policy)).toEqual(["'self'", 'https://mirror.example.org'])
  })

  test('opens the default hub with the hosts that its files come from, each named', () => {
    const sources = connect(hubPolicy(defaultHub)) ?? []
    expect(sources.slice(0, 2)).toEqual(["'self'", defaultHub])
    expect(sources.length).toBeGreaterThan(10)
    for (const source of sources.slice(2)) expect(source).toMatch(/^https:\/\/[a-z0-9.-]+\.hf\.co$/)
  })
})

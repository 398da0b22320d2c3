/**
 * A conversation as a JSON file. What is read back is checked field by field: the file may come from anybody. Loaded
 * only when something is saved or opened, since the check brings a library with it.
 */
import { z } from 'zod'
import { errorCodes } from '../../workers/protocol'
import { clipFrom, type PlainClip, type PlainTurn, plainClip, plainTurn, turnFrom } from '../storage/records'
import type { Conversation } from './model'

// The page's Content-Security-Policy forbids compiling code, which zod would try for speed.
z.config({ jitless: true })

const format = 'valley-conversation'
const version = 1

const time = z.number().finite()
const count = z.number().int().nonnegative()
const backend = z.enum(['webgpu', 'wasm'])

const media = z.object({
  kind: z.enum(['video', 'image']),
  container: z.string(),
  codec: z.string(),
  width: z.number().positive(),
  height: z.number().positive(),
  rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]),
  duration: z.number().nonnegative(),
})

const stats = z.object({
  promptTokens: count,
  reusedTokens: count,
  newTokens: count,
  timeToFirstToken: z.number().nonnegative(),
  prefillMs: z.number().nonnegative(),
  tokensPerSecond: z.number().nonnegative(),
  backend,
  droppedTurns: count,
  beams: count,
  quotes: z.array(z.string()),
  order: z.array(z.string()).optional(),
})

const evidence = z.object({
  frames: z.array(z.object({ timestamp: time, similarity: z.number() })),
  unsure: z.boolean(),
})

const pack = z.object({ id: z.string(), name: z.string(), version: z.string(), hash: z.string() })

const failure = z.object({
  code: z.enum(errorCodes),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])),
})

const turn = z.object({
  id: z.string().min(1),
  clipId: z.string().nullable(),
  clipName: z.string().nullable(),
  question: z.string(),
  askedAt: time,
  answer: z.string(),
  status: z.enum(['waiting', 'reading', 'writing', 'done', 'stopped', 'failed']),
  reason: z.enum(['end', 'length']).nullable(),
  stats: stats.nullable(),
  // Files saved before this was noted lack it.
  pack: pack.nullable().default(null),
  error: failure.nullable(),
  evidence: evidence.nullable(),
  segments: z.array(z.object({ start: time, end: time, text: z.string() })).nullable(),
}) satisfies z.ZodType<PlainTurn>

const clip = z.object({ id: z.string().min(1), name: z.string(), media: media.nullable() })

const saved = z.object({
  format: z.literal(format),
  version: z.literal(version),
  conversation: z.object({ name: z.string().nullable(), createdAt: time, updatedAt: time }),
  clips: z.array(clip),
  turns: z.array(turn),
})

/** The clips' files, thumbnails and vectors are not part of it. */
export function toJson(conversation: Conversation): string {
  const { name, createdAt, updatedAt, chat, clips } = conversation
  const file: z.infer<typeof saved> = {
    format,
    version,
    conversation: { name, createdAt, updatedAt },
    clips: clips.order.flatMap((id) => {
      const known = clips.clips[id]
      return known ? [{ id, name: known.name, media: plainClip(known).media }] : []
    }),
    turns: chat.turns.map((known) => ({ ...plainTurn(known) })) as z.infer<typeof turn>[],
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/**
 * The conversation of a JSON file, under ids of its own, so that opening it twice gives two. Its clips wait for their
 * files. null: the text is not such a file.
 */
export function fromJson(text: string): Conversation | null {
  const read = saved.safeParse(parsed(text))
  if (!read.success) return null
  const { conversation, clips, turns } = read.data
  const ids = new Map([...clips, ...turns].map(({ id }) => [id, crypto.randomUUID() as string]))
  const fresh = (id: string) => ids.get(id) ?? crypto.randomUUID()
  const order = clips.map(({ id }) => fresh(id))
  return {
    id: crypto.randomUUID(),
    ...conversation,
    chat: {
      turns: turns.map((known) => ({
        ...turnFrom({ ...known, id: fresh(known.id), conversationId: '', before: null }),
        clipId: known.clipId === null ? null : fresh(known.clipId),
      })),
    },
    clips: {
      order,
      activeId: order.at(-1) ?? null,
      clips: Object.fromEntries(
        clips.map(({ id, name, media: known }) => {
          const plain: PlainClip = { id: fresh(id), name, media: known, timestamps: [], encoded: null, pack: null }
          return [plain.id, { ...clipFrom(plain), status: 'missing' as const }]
        }),
      ),
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

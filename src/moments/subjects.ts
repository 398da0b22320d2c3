/**
 * What a clip is about, as far as that decides which question suits it: its frames and a few captions of each subject meet
 * in the pack's CLIP space. How often that is right: docs/moments.md.
 */
import { above, type ComparedClip, type EmbedTexts, orNull, similarities } from './evidence'
import { unrelatedCaptions } from './unrelated'

/** Only what a small CLIP tells apart: with drawings, screens, music and sport it was wrong more often than right. */
export const subjects = {
  person: ['A man talks to the camera.', 'A woman talks.', 'A group of people.', 'A child plays.'],
  animal: ['A dog.', 'A cat.', 'An animal in the wild.', 'A bird.', 'Horses in a field.'],
  food: ['Food is cooked in a pan in a kitchen.', 'A plate of food on a table.', 'Hands mix ingredients in a bowl.'],
  vehicle: ['A car on a road.', 'A motorcycle.', 'A truck.'],
} as const
export type Subject = keyof typeof subjects

/** A subject counts when it is nearer than unrelated captions are on average by this many of their standard deviations. */
const margin = 2

/**
 * The subject that a clip's frames show most clearly. null where none stands out, and where there is nothing to compare:
 * a pack without a text tower, a clip without frames.
 * @throws ValleyError as `embedTexts`, but for no-text-tower
 */
export async function subjectOf(
  embedTexts: EmbedTexts,
  clip: ComparedClip,
  signal: AbortSignal,
): Promise<Subject | null> {
  const frames = Object.values(clip.frames).map(({ vector }) => vector)
  if (frames.length === 0) return null
  const names = Object.keys(subjects) as Subject[]
  const captions = names.flatMap((name) => subjects[name])
  const vectors = await orNull(embedTexts([...captions, ...unrelatedCaptions], signal))
  if (!vectors) return null
  const reached = similarities(vectors, frames).map((row) => Math.max(...row))
  const others = reached.splice(captions.length)
  const best = Math.max(...reached)
  const nearest = captions[reached.indexOf(best)]
  if (best <= above(others, margin)) return null
  return names.find((name) => subjects[name].some((caption) => caption === nearest)) ?? null
}

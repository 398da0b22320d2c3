import { formatTime } from '../app/format'
import { sectionsOf } from '../chat/reducer'
import { type Conversation, titleOf } from './model'

/** The few words of the document that are not the person's or the model's. */
export type MarkdownWords = {
  readonly untitled: string
  readonly you: string
  readonly noAnswer: string
  readonly about: (name: string) => string
}

/** What a person said or what a file is called stands as it is, and forms no heading, list or link by accident. */
const escaped = (text: string): string =>
  text
    .replace(/[\\`*_{}[\]<>#|~]/g, '\\$&')
    .replace(/^(\s*)([-+])(?=\s)/gm, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s)/gm, '$1\\$2')

const quoted = (text: string): string =>
  escaped(text)
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n')

/** A conversation to read or to pass on: questions as quotes, answers as they are (the model writes Markdown), times of evidence. */
export function toMarkdown(conversation: Conversation, words: MarkdownWords): string {
  const parts = [`# ${escaped(titleOf(conversation) ?? words.untitled)}`]
  for (const section of sectionsOf(conversation.chat)) {
    if (section.clipName) parts.push(`## ${escaped(words.about(section.clipName))}`)
    for (const { question, answer, evidence } of section.turns) {
      parts.push(`**${words.you}**\n\n${quoted(question)}`, answer || `*${words.noAnswer}*`)
      const times = evidence?.frames.map(({ timestamp }) => formatTime(timestamp)) ?? []
      if (times.length > 0) parts.push(`*${[...new Set(times)].join(' · ')}*`)
    }
  }
  return `${parts.join('\n\n')}\n`
}

import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import type { Conversation } from './model'
import { fileName, saveText } from './save-file'

export type ExportFormat = 'markdown' | 'json' | 'vtt'

/** Saving conversations as files and opening such files; what writes and reads them loads at the first use. */
export function useExport() {
  const { t } = useTranslation()
  const session = useSession()

  async function write(conversation: Conversation, format: ExportFormat): Promise<void> {
    const untitled = t('conversations.untitled')
    if (format === 'markdown') {
      const { toMarkdown } = await import('./markdown')
      const words = {
        untitled,
        you: t('conversations.you'),
        noAnswer: t('conversations.noAnswer'),
        about: (name: string) => t('conversations.aboutClip', { name }),
      }
      saveText(toMarkdown(conversation, words), fileName(conversation, untitled, 'md'), 'text/markdown')
    } else if (format === 'json') {
      const { toJson } = await import('./saved')
      saveText(toJson(conversation), fileName(conversation, untitled, 'json'), 'application/json')
    } else {
      const { timedDescriptions, toWebVtt } = await import('./webvtt')
      const clips = timedDescriptions(conversation)
      if (clips.length === 0) session.notify({ kind: 'no-times' })
      for (const { name, cues } of clips) saveText(toWebVtt(cues), `${name}.vtt`, 'text/vtt')
    }
  }

  return {
    save: async (id: string, format: ExportFormat): Promise<void> => {
      try {
        const conversation = await session.conversations.read(id)
        if (conversation) await write(conversation, format)
      } catch (thrown) {
        console.warn('not saved', thrown)
        session.notify({ kind: 'refused' })
      }
    },
    open: async (file: File): Promise<void> => {
      try {
        const { fromJson } = await import('./saved')
        const conversation = fromJson(await file.text())
        if (!conversation) return session.notify({ kind: 'not-a-conversation', name: file.name })
        session.conversations.takeIn(conversation)
      } catch (thrown) {
        console.warn('not opened', thrown)
        session.notify({ kind: 'refused' })
      }
    },
  }
}

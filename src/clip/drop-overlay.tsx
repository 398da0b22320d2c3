import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { draggedFileCount, droppedFiles } from './files'
import './drop-overlay.css'

type Props = {
  readonly onFiles: (files: File[]) => void
  /** What was dropped are folders. */
  readonly onFolders: () => void
  /** There are answers that stay when another clip is opened. */
  readonly hasChat: boolean
}

/** Makes the whole window a drop target, and pasting a way in too; says what a drop will do. */
export function DropOverlay({ onFiles, onFolders, hasChat }: Props) {
  const { t } = useTranslation()
  const [count, setCount] = useState(0)

  useEffect(() => {
    // dragenter and dragleave come once for every element passed.
    let depth = 0
    const onEnter = (event: DragEvent) => {
      const files = draggedFileCount(event.dataTransfer)
      if (files === 0) return
      event.preventDefault()
      depth += 1
      setCount(files)
    }
    const onOver = (event: DragEvent) => {
      if (draggedFileCount(event.dataTransfer) === 0) return
      event.preventDefault()
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy'
    }
    const onLeave = (event: DragEvent) => {
      if (draggedFileCount(event.dataTransfer) === 0) return
      depth = Math.max(0, depth - 1)
      if (depth === 0) setCount(0)
    }
    const onDrop = (event: DragEvent) => {
      depth = 0
      setCount(0)
      if (!event.dataTransfer || draggedFileCount(event.dataTransfer) === 0) return
      event.preventDefault()
      void droppedFiles(event.dataTransfer).then((files) => (files.length > 0 ? onFiles(files) : onFolders()))
    }
    const onPaste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])]
      // Word processors put a picture of the text beside the text: in a text field, the text is meant.
      const text = event.clipboardData?.types.includes('text/plain') && event.target instanceof HTMLTextAreaElement
      if (files.length === 0 || text) return
      event.preventDefault()
      onFiles(files)
    }
    window.addEventListener('dragenter', onEnter)
    window.addEventListener('dragover', onOver)
    window.addEventListener('dragleave', onLeave)
    window.addEventListener('drop', onDrop)
    window.addEventListener('paste', onPaste)
    return () => {
      window.removeEventListener('dragenter', onEnter)
      window.removeEventListener('dragover', onOver)
      window.removeEventListener('dragleave', onLeave)
      window.removeEventListener('drop', onDrop)
      window.removeEventListener('paste', onPaste)
    }
  }, [onFiles, onFolders])

  if (count === 0) return null
  const text = () => {
    if (count === 1) return hasChat ? t('drop.next') : t('drop.open')
    return hasChat ? t('drop.nextMany', { count }) : t('drop.openMany', { count })
  }
  return (
    <div className="drop-overlay" role="status">
      <div className="drop-overlay-text">
        <p className="drop-overlay-main">{text()}</p>
        {hasChat && <p>{t('drop.keep')}</p>}
      </div>
    </div>
  )
}

import { useRef } from 'react'
import type { FolderFile } from '../../workers/protocol'

type Props = {
  readonly label: string
  readonly disabled: boolean
  readonly onChoose: (files: readonly FolderFile[]) => void
}

/** A button that has a folder chosen, in every browser: a file input that takes folders, kept out of sight. */
export function FolderButton({ label, disabled, onChoose }: Props) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        className="button"
        data-size="small"
        disabled={disabled}
        onClick={() => input.current?.click()}
      >
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        data-folder
        // Not among React's known attributes of `input`.
        {...{ webkitdirectory: '' }}
        onChange={({ target }) => {
          const files = [...(target.files ?? [])]
          target.value = ''
          if (files.length > 0) onChoose(files.map((file) => ({ path: file.webkitRelativePath || file.name, file })))
        }}
      />
    </>
  )
}

import type { ComponentProps, MouseEvent } from 'react'
import { useSettings } from '../app/context'
import { acceptedFiles, canPickHandles, pickWithHandles } from './files'

type Props = Omit<ComponentProps<'input'>, 'type' | 'onChange'> & { readonly onFiles: (files: File[]) => void }

/** The browser's own file input, out of sight; the label around it is what people see and press. */
export function FileInput({ onFiles, multiple = true, ...rest }: Props) {
  const { keeping } = useSettings()
  // Only that dialog tells where a file lies, which is what is kept of it where the person wants no copies.
  const onClick = (event: MouseEvent) => {
    if (keeping !== 'link' || !canPickHandles()) return
    event.preventDefault()
    void pickWithHandles(multiple).then((files) => files.length > 0 && onFiles(files))
  }
  return (
    <input
      {...rest}
      className="visually-hidden"
      type="file"
      accept={acceptedFiles}
      multiple={multiple}
      onClick={onClick}
      onChange={({ currentTarget }) => {
        const files = [...(currentTarget.files ?? [])]
        // So that the same file can be chosen again.
        currentTarget.value = ''
        if (files.length > 0) onFiles(files)
      }}
    />
  )
}

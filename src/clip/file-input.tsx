import type { ComponentProps } from 'react'
import { acceptedFiles } from './files'

type Props = Omit<ComponentProps<'input'>, 'type' | 'onChange'> & { readonly onFiles: (files: File[]) => void }

/** The browser's own file input, out of sight; the label around it is what people see and press. */
export function FileInput({ onFiles, ...rest }: Props) {
  return (
    <input
      {...rest}
      className="visually-hidden"
      type="file"
      accept={acceptedFiles}
      multiple
      onChange={({ currentTarget }) => {
        const files = [...(currentTarget.files ?? [])]
        // So that the same file can be chosen again.
        currentTarget.value = ''
        if (files.length > 0) onFiles(files)
      }}
    />
  )
}

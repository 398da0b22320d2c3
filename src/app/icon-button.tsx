import * as Tooltip from 'radix-ui/tooltip'
import type { ComponentProps, FocusEvent, ReactNode } from 'react'
import './icon-button.css'

type Props = Omit<ComponentProps<'button'>, 'children'> & {
  /** Its name, for the tooltip and for screen readers. */
  readonly label: string
  readonly icon: ReactNode
  readonly look?: 'primary' | 'bare' | 'danger'
  readonly size?: 'small'
}

/** Focus that comes back from a closed dialog or menu shows no tooltip: nobody asked for it, and on a touch screen it would stay. */
function onlyByKey(event: FocusEvent<HTMLElement>): void {
  if (!event.currentTarget.matches(':focus-visible')) event.preventDefault()
}

/** A button that shows only an icon, with its name in a tooltip. */
export function IconButton({ label, icon, look = 'bare', size, className, ...rest }: Props) {
  return (
    <Tooltip.Root>
      {/* The tooltip says what the button is called, and screen readers know that. */}
      <Tooltip.Trigger asChild aria-describedby={undefined} onFocus={onlyByKey}>
        <button
          type="button"
          {...rest}
          className={['button', className].filter(Boolean).join(' ')}
          data-look={look}
          data-size={size}
          data-icon-only
          aria-label={label}
        >
          {icon}
        </button>
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content className="tooltip" aria-hidden="true" sideOffset={4} collisionPadding={8}>
          {label}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}

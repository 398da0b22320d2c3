import { Tooltip } from 'radix-ui'
import type { ComponentProps, ReactNode } from 'react'
import './icon-button.css'

type Props = Omit<ComponentProps<'button'>, 'children'> & {
  /** Its name, for the tooltip and for screen readers. */
  readonly label: string
  readonly icon: ReactNode
  readonly look?: 'primary' | 'bare' | 'danger'
  readonly size?: 'small'
}

/** A button that shows only an icon, with its name in a tooltip. */
export function IconButton({ label, icon, look = 'bare', size, className, ...rest }: Props) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>
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
        <Tooltip.Content className="tooltip" sideOffset={4} collisionPadding={8}>
          {label}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}

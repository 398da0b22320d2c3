import * as DropdownMenu from 'radix-ui/dropdown-menu'
import { type ComponentProps, type ReactNode, type RefObject, useCallback, useState } from 'react'
import { IconButton } from './icon-button'
import './menu.css'

type Props = ComponentProps<typeof IconButton> & {
  readonly align?: 'start' | 'end'
  /** The button, for those who give the focus back to it. */
  readonly buttonRef?: RefObject<HTMLButtonElement | null>
  /** MenuItems and MenuLines. */
  readonly children: ReactNode
}

/** A menu behind an icon. It opens within the landmark or dialog that its button stands in, and leaves the page around it usable. */
export function Menu({ align = 'start', buttonRef, children, ...button }: Props) {
  const [trigger, setTrigger] = useState<HTMLButtonElement | null>(null)
  const onButton = useCallback(
    (element: HTMLButtonElement | null) => {
      setTrigger(element)
      if (buttonRef) buttonRef.current = element
    },
    [buttonRef],
  )
  const place = trigger?.closest<HTMLElement>('[role=dialog], nav, main, header')
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton {...button} ref={onButton} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal container={place}>
        <DropdownMenu.Content className="menu" loop align={align} sideOffset={4} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

type ItemProps = { readonly look?: 'danger'; readonly onSelect: () => void; readonly children: ReactNode }

export function MenuItem({ look, onSelect, children }: ItemProps) {
  return (
    <DropdownMenu.Item className="menu-item" data-look={look} onSelect={onSelect}>
      {children}
    </DropdownMenu.Item>
  )
}

/** Between what belongs together. */
export const MenuLine = () => <DropdownMenu.Separator className="menu-line" />

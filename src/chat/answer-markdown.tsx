import type { Element, ElementContent, Nodes, Root } from 'hast'
import { memo, useMemo } from 'react'
import Markdown, { type Components } from 'react-markdown'
import remend from 'remend'
import { TimeButton } from '../moments/time-button'
import { splitTimes } from '../moments/times'

/**
 * All that an answer may become. Not among it: links (a model makes addresses up, and pressing one would leave the page)
 * and pictures, of which only the words stay. Raw HTML is shown as the text it is; react-markdown never parses it.
 */
const allowed = [
  ...['p', 'br', 'hr', 'em', 'strong', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'img', 'time'],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'],
]

export type AnswerMarkdownProps = {
  readonly text: string
  /** Times in the text become buttons that seek in this clip; null: they stay text. `duration` in seconds. */
  readonly clip: { readonly id: string; readonly duration: number } | null
  /** The text still grows: marks that were opened count as closed, so that nothing jumps when they are. */
  readonly live: boolean
}

/** A mark at the very end that has nothing to mark yet. */
const opening = /(?<=^|\s)[*_~`[]+$/

/** An answer's Markdown as React elements, and nothing that could load or run. */
function AnswerMarkdown({ text, clip, live }: AnswerMarkdownProps) {
  const clipId = clip?.id
  const duration = clip?.duration
  const components = useMemo(() => componentsFor(clipId), [clipId])
  const plugins = useMemo(
    () => (duration === undefined ? [] : [() => (tree: Root) => markTimes(tree, duration, live)]),
    [duration, live],
  )
  return (
    <Markdown allowedElements={allowed} unwrapDisallowed components={components} rehypePlugins={plugins}>
      {live ? remend(text.replace(opening, ''), { linkMode: 'text-only' }) : text}
    </Markdown>
  )
}

/** Its text is the same until the next frame: a long chat does not parse again what it shows. */
export default memo(AnswerMarkdown)

function componentsFor(clipId: string | undefined): Components {
  // The page's own headings stay its outline.
  const heading: Components['h1'] = ({ children }) => <p className="answer-heading">{children}</p>
  return {
    h1: heading,
    h2: heading,
    h3: heading,
    h4: heading,
    h5: heading,
    h6: heading,
    img: ({ alt }) => alt,
    time: ({ dateTime, children }) =>
      clipId === undefined ? (
        children
      ) : (
        <TimeButton clipId={clipId} seconds={Number(dateTime)}>
          {children}
        </TimeButton>
      ),
  }
}

/** Turns the times in a tree's text into `time` elements whose `dateTime` is the number of seconds. */
function markTimes(tree: Root, duration: number, open: boolean): void {
  const last = lastText(tree)
  const walk = (node: Root | Element) => {
    node.children = node.children.flatMap((child): ElementContent[] => {
      if (child.type === 'element' && child.tagName !== 'code') walk(child)
      if (child.type !== 'text') return [child as ElementContent]
      return splitTimes(child.value, duration, open && child === last).map(({ text, seconds }) =>
        seconds === null
          ? { type: 'text', value: text }
          : {
              type: 'element',
              tagName: 'time',
              properties: { dateTime: String(seconds) },
              children: [{ type: 'text', value: text }],
            },
      )
    })
  }
  walk(tree)
}

/** The last text of a tree that is not only white space; a line break may follow it. */
function lastText(node: Nodes): Nodes | undefined {
  if (node.type === 'text') return node.value.trim() === '' ? undefined : node
  if (!('children' in node)) return undefined
  for (const child of [...node.children].reverse()) {
    const found = lastText(child)
    if (found) return found
  }
  return undefined
}

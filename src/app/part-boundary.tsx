import { CircleAlert } from 'lucide-react'
import { Component, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { sentenceGap } from './format'

/** The code of a part of the page did not come: the connection went, or another version of the app took its place. */
export class PartMissing extends Error {}

type Props = {
  readonly children: ReactNode
  /** What stands there in place of the part that cannot be fetched; absent: a sentence that says so. */
  readonly instead?: ReactNode
}

/** Keeps the rest of the page when a part of it cannot be fetched. Every other error goes on to where it went before. */
export class PartBoundary extends Component<Props, { readonly thrown: unknown }> {
  override state = { thrown: undefined }

  static getDerivedStateFromError(thrown: unknown) {
    return { thrown }
  }

  override render() {
    const { thrown } = this.state
    if (thrown === undefined) return this.props.children
    if (!((thrown as unknown) instanceof PartMissing)) throw thrown
    return this.props.instead ?? <MissingPart />
  }
}

/** Browsers may remember that a module did not come, so a reload is what helps. */
function MissingPart() {
  const { t, i18n } = useTranslation()
  return (
    <div className="notice" data-kind="error" data-part role="alert">
      <CircleAlert aria-hidden="true" />
      <p className="notice-text">
        {[t('shell.partMissing'), t('shell.partMissingNext')].join(sentenceGap(i18n.language))}
      </p>
      <button type="button" className="button" data-size="small" onClick={() => location.reload()}>
        {t('shell.reload')}
      </button>
    </div>
  )
}

import { Play, ShieldCheck } from 'lucide-react'
import * as Popover from 'radix-ui/popover'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { DropZone } from '../clip/drop-zone'
import './welcome.css'

const sample = { clip: 'samples/rolling-ball.webm', picture: 'samples/rolling-ball.webp', name: 'rolling-ball.webm' }
const asset = (path: string) => `${import.meta.env.BASE_URL}${path}`

type Props = { readonly onFiles: (files: File[]) => void }

/** What a first visit shows: one sentence, where to put a clip, one to try, and why it stays here. */
export function Welcome({ onFiles }: Props) {
  const { t } = useTranslation()
  const openSample = async () => {
    const response = await fetch(asset(sample.clip))
    onFiles([new File([await response.blob()], sample.name, { type: 'video/webm' })])
  }
  return (
    <section className="welcome">
      <h1 className="welcome-heading">{t('welcome.heading')}</h1>
      <DropZone onFiles={onFiles} />
      <div className="welcome-below">
        <button type="button" className="sample" onClick={() => void openSample()}>
          <span className="sample-picture">
            <img src={asset(sample.picture)} alt="" width="96" height="54" />
            <Play aria-hidden="true" fill="currentColor" />
          </span>
          {t('welcome.sample')}
        </button>
        <Trust />
      </div>
    </section>
  )
}

/** The line of trust, and behind it how it comes to be true. */
function Trust() {
  const { t } = useTranslation()
  const titleId = useId()
  return (
    <p className="trust">
      <ShieldCheck className="icon" aria-hidden="true" />
      <span>
        {t('welcome.trust')}{' '}
        <Popover.Root>
          <Popover.Trigger className="trust-how">{t('welcome.trustHow')}</Popover.Trigger>
          <Popover.Portal>
            <Popover.Content
              className="floating trust-details"
              aria-labelledby={titleId}
              sideOffset={8}
              collisionPadding={12}
            >
              <h2 id={titleId}>{t('welcome.trustTitle')}</h2>
              <p>{t('welcome.trustBody')}</p>
              <p>{t('welcome.trustCheck')}</p>
            </Popover.Content>
          </Popover.Portal>
        </Popover.Root>
      </span>
    </p>
  )
}

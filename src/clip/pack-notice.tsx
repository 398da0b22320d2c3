import { History, X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { IconButton } from '../app/icon-button'
import type { Clip } from './reducer'
import './pack-notice.css'

/** That another pack had looked at the clip, while this one looks at it again. */
export function PackNotice({ clip }: { readonly clip: Clip }) {
  const { t } = useTranslation()
  const session = useSession()
  const { pack, packBefore } = clip
  if (!pack || !packBefore) return null
  const [before, now] = [t('packs.name', packBefore), t('packs.name', pack)]
  return (
    <div className="pack-notice" role="status">
      <History aria-hidden="true" />
      <p>{before === now ? t('kept.otherBuild', { now }) : t('kept.otherPack', { before, now })}</p>
      <IconButton
        size="small"
        label={t('notice.dismiss')}
        icon={<X />}
        onClick={() => session.notePackBefore(clip.id)}
      />
    </div>
  )
}

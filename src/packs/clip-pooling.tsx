import { useTranslation } from 'react-i18next'
import { useSettings } from '../app/context'
import { useEngineValue } from '../assistant/hooks'
import type { HubSummary } from '../assistant/pack'
import { Disclosure } from '../chat/disclosure'
import type { Clip } from '../clip/reducer'
import { costWords } from './cost-words'
import { PoolingChoice } from './pooling-choice'

type Props = { readonly clip: Clip; readonly pack: HubSummary }

/** What this clip costs a pack of the hub in tokens and memory, before a question; and the other ways to have it seen. */
export default function ClipPooling({ clip, pack }: Props) {
  const { t, i18n } = useTranslation()
  const planned = useSettings().frames
  const pooling = useEngineValue((state) => state.pooling) ?? pack.pooling
  const frames = clip.media?.kind === 'image' ? 1 : clip.timestamps.length || planned
  const { repository, visual } = pack
  const cost = t('hub.clipCost', costWords(visual, frames, pooling, i18n.language))
  // A picture has nothing to pool.
  if (frames === 1) return <p className="clip-cost tabular">{cost}</p>
  return (
    <div className="clip-pooling">
      <Disclosure label={cost}>
        <PoolingChoice repository={repository} byItself={pack.pooling} visual={visual} frames={frames} choosable />
      </Disclosure>
    </div>
  )
}

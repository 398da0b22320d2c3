import { useTranslation } from 'react-i18next'
import { type HubOffer, hubAddress } from '../../workers/protocol'
import { useSettings } from '../app/context'
import { useEngine, useEngineValue } from '../assistant/hooks'
import { DeleteButton } from './delete-button'
import { HubFacts } from './hub-facts'
import { Failure, Job } from './job'
import type { HubAnswer, PackJob } from './library'
import { PoolingChoice } from './pooling-choice'
import { library, removeFromHub } from './shared-library'
import { useChangePack } from './use-pack'

type Props = {
  readonly offer: HubOffer
  readonly answer: HubAnswer | undefined
  readonly job: PackJob | undefined
}

/** A repository of the hub: what it is, what it takes here, and the way to have it, to use it and to be rid of it. */
export function HubItem({ offer, answer, job }: Props) {
  const { t } = useTranslation()
  const engine = useEngine()
  const changePack = useChangePack()
  const { hub: origin, frames } = useSettings()
  const { repository, name } = offer
  const address = hubAddress(repository)
  const inUse = useEngineValue(({ packUrl }) => packUrl === address)
  const look = answer?.status === 'known' ? answer.look : null
  // Without asking, its shape is known only where something of it is in this browser.
  const isHere = offer !== look && offer.visual !== null
  // What is held is told by itself; what the hub said before is of then, unless it is of another commit.
  const shown = look && (!isHere || look.commit !== offer.commit) ? look : offer
  const held = shown === offer && isHere
  const complete = held && shown.bytes !== null && shown.present >= shown.bytes
  const coming = job?.status === 'coming'
  const { runs, problems } = shown.fitness
  // Other files of it would run here.
  const elsewhere = problems.length === 1 && problems[0]?.code === 'hub-other-device'
  const fetchRest = async () => {
    const here = await library.downloadFromHub(origin, { repository, revision: shown.commit })
    // What could not be loaded for want of these files can be now.
    if (here && engine.state.packUrl === address) engine.retry()
  }
  const use = () => changePack(address)
  // One button each, whose text changes: whoever has pressed it still has it under the finger, and the focus stays.
  const main = coming
    ? { text: t('packs.pause', { name }), onClick: () => library.pause(address) }
    : elsewhere
      ? { text: t('hub.getForDevice', { name }), onClick: () => void fetchRest() }
      : !runs || (complete && inUse)
        ? null
        : complete
          ? { text: t('packs.use', { name }), onClick: use }
          : {
              text: shown.present > 0 ? t('packs.resume', { name }) : t('packs.get', { name }),
              onClick: () => void fetchRest(),
            }
  const ask = () => void library.askHub(origin, { repository, revision: offer.commit })
  const asking =
    answer?.status === 'asking'
      ? { text: t('hub.stopAsking'), onClick: () => library.stopAsking(repository) }
      : isHere || look || coming || runs === false
        ? null
        : { text: t('hub.ask'), name: t('hub.askAbout', { name }), onClick: ask }
  return (
    <li className="pack" data-in-use={inUse} data-repository={repository}>
      <HubFacts offer={shown} family={look?.family ?? null} inUse={inUse} />
      {shown.visual && (
        <PoolingChoice
          repository={repository}
          byItself={shown.pooling}
          visual={shown.visual}
          frames={frames}
          choosable={complete}
        />
      )}
      {answer?.status === 'asking' && (
        <p className="settings-hint">{t('hub.asking', { host: new URL(origin).host })}</p>
      )}
      {answer?.status === 'failed' && <Failure error={answer.error} />}
      <Job name={name} job={job} />
      <div className="pack-actions">
        {main && <Action {...main} />}
        {asking && <Action {...asking} />}
        {isHere && !inUse && !coming && (
          <DeleteButton
            label={t('hub.delete')}
            title={t('hub.deleteTitle', { name })}
            body={t('hub.deleteBody')}
            onDelete={() => removeFromHub(repository)}
          />
        )}
      </div>
    </li>
  )
}

/** `name`: what it is called where its text alone would not do. */
type ActionProps = { readonly text: string; readonly name?: string; readonly onClick: () => void }

function Action({ text, name, onClick }: ActionProps) {
  return (
    <button type="button" className="button" data-size="small" aria-label={name} onClick={onClick}>
      {text}
    </button>
  )
}

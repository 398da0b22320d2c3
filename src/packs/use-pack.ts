import { useEngine } from '../assistant/hooks'
import { rememberedPooling, rememberPack } from './choice'

/** Loads another pack, from now on and at later visits. */
export function useChangePack(): (packUrl: string) => void {
  const engine = useEngine()
  return (packUrl) => {
    rememberPack(packUrl)
    void engine.changePack(packUrl, rememberedPooling(packUrl)).then(() => {
      // Paused was the one before; this one was asked for now.
      if (engine.state.paused) engine.resume()
    })
  }
}

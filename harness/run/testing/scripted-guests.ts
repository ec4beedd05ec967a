/**
 * Guests that do as they are told: each answers the messages of the host with what a test says. Where one has nothing
 * more to say it is lost, as the test says.
 */
import type { GuestMessage, HostMessage } from '../../../model/channel.ts';
import type { Guest, GuestIncident, GuestLoss, GuestSource } from '../guest.ts';
import { simulatedFacts } from './simulated-guests.ts';

/** What a guest says to a message, and how it is lost after that, if it is. */
interface Said {
  messages: GuestMessage[];
  lost?: Partial<GuestLoss>;
}
/** `guest`: number of the guest, from 0; `message`: what the host sent. */
export type Behaviour = (guest: number, message: HostMessage) => Said;

class Lost extends Error {
  readonly loss: Partial<GuestLoss>;
  constructor(loss: Partial<GuestLoss>) {
    super(loss.reason ?? 'lost');
    this.loss = loss;
  }
}

export class ScriptedGuests implements GuestSource {
  readonly incidents: GuestIncident[] = [];
  readonly released: ('healthy' | 'poisoned')[] = [];
  readonly #behaviour: Behaviour;
  #leased = 0;

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  lease(): Promise<Guest> {
    const number = this.#leased++;
    const queue: (GuestMessage | Lost)[] = [];
    return Promise.resolve({
      facts: simulatedFacts,
      send: (message) => {
        const { messages, lost } = this.#behaviour(number, message);
        queue.push(...messages, ...(lost ? [new Lost(lost)] : []));
      },
      receive: async () => {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        const next = queue.shift();
        if (next === undefined || next instanceof Lost)
          throw next ?? new Lost({ blame: 'kernel', reason: 'the guest hung' });
        return next;
      },
      consoleTail: () => [`console of guest ${number}`],
      lossOf: (error) => ({
        blame: 'machine',
        reason: 'lost',
        consoleTail: [`console of guest ${number}`],
        ...(error instanceof Lost ? error.loss : { reason: String(error) }),
      }),
    });
  }

  release(_: Guest, state: 'healthy' | 'poisoned'): Promise<void> {
    this.released.push(state);
    return Promise.resolve();
  }

  incident(incident: GuestIncident): void {
    this.incidents.push(incident);
  }
}

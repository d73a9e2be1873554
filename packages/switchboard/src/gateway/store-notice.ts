/** What a store gives notice of, as an event. */
import type { GatewayEvent } from '../observe/events.ts';
import type { StoreNotice } from '../stores/store.ts';

export function noticeEvent(notice: StoreNotice): GatewayEvent {
  switch (notice.type) {
    case 'garbage':
      return { ...notice, type: 'store.garbage' };
    case 'away':
      return { ...notice, type: 'store.away' };
    case 'back':
      return { ...notice, type: 'store.back' };
    default:
      return { ...notice, type: 'store.fenced' };
  }
}

/** Which names people may have where others see them. */
import { describe, expect, it } from 'vitest';

import { lookOf, nameProblem } from '../src/people/names.ts';

describe('a name', () => {
  it.each([
    'model',
    'Model',
    'MODEL',
    'assistant',
    'A s s i s t a n t',
    'system',
    'sys_tem',
    'you',
    'clerk',
    'mоdel', // a Cyrillic о
    'аssistant', // a Cyrillic а
    'ѕуѕтем', // Cyrillic altogether
    'μοδel', // Greek and Latin
    'ｍｏｄｅｌ', // fullwidth
    '𝐦𝐨𝐝𝐞𝐥', // mathematical
    'ɑssistɑnt', // a Latin alpha
    'ᴍᴏᴅᴇʟ', // small capitals
    'Módèl', // accents
    'm0de1', // digits
    'modeI', // a capital I
    'mo\u200Bdel', // zero width space
    'mo\u00ADdel', // soft hyphen
    'model\u3164', // a letter that is not seen
    'Ada\u2060',
  ])('such as %j is nobody’s', (name) => {
    expect(nameProblem(name, 'clerk')).toBeTypeOf('string');
  });

  it.each(['Ada', 'Bob O’Neil', 'Zoë', 'Мария', 'Ελένη', '李小龍', 'محمد', 'ไพลิน', 'Modeste', 'Tim 2'])(
    'such as %j may be taken',
    (name) => {
      expect(nameProblem(name, 'assistant')).toBeUndefined();
    },
  );

  it('looks like another where people cannot tell them apart', () => {
    expect(lookOf('Аdа')).toBe(lookOf('ada'));
    expect(lookOf('Bob.Frost')).toBe(lookOf('bob frost'));
    expect(lookOf('Ada')).not.toBe(lookOf('Eda'));
  });
});

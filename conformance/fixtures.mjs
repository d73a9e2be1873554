// What the conformance scenarios expect a server to offer, shared by both servers under test.
// Tool, prompt and resource names are fixed by the suite; the contents are ours.

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgaPgPAAIDAYAkYfWXAAAAAElFTkSuQmCC';
const WAV = 'UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQQAAAAAAAAA';

export const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: PNG, mimeType: 'image/png' };
const audio = { type: 'audio', data: WAV, mimeType: 'audio/wav' };
const embedded = (uri, mimeType, value) => ({
  type: 'resource',
  resource: { uri, mimeType, text: value },
});

export const noArguments = { type: 'object', properties: {} };

/** An object schema with required string properties. */
export const strings = (...names) => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  required: names,
});

/** Tools that answer with fixed content: name, description, content. */
export const contentTools = [
  ['test_simple_text', 'Answers one text block', [text('A simple text response.')]],
  ['test_image_content', 'Answers one image block', [image]],
  ['test_audio_content', 'Answers one audio block', [audio]],
  [
    'test_embedded_resource',
    'Answers one embedded resource',
    [embedded('test://embedded-resource', 'text/plain', 'An embedded resource.')],
  ],
  [
    'test_multiple_content_types',
    'Answers a text, an image and a resource block',
    [
      text('Several kinds of content:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"mixed":true}'),
    ],
  ],
];

/** A schema whose 2020-12 keywords must reach the client as they are. */
export const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'address',
      type: 'object',
      properties: { street: { type: 'string' }, country: { type: 'string' } },
    },
  },
  properties: {
    recipient: { type: 'string' },
    shipTo: { $ref: '#/$defs/address' },
    express: { type: 'boolean' },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { express: { const: true } }, required: ['express'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['recipient'] },
  additionalProperties: false,
};

/** An input that calls over HTTP repeat in a header. */
export const headerSchema = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
};

/** What to ask a person for one field. */
export const form = (message, field, type = 'string') => ({
  message,
  requestedSchema: { type: 'object', properties: { [field]: { type } }, required: [field] },
});

/** What to ask a model. */
export const sampling = (prompt) => ({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });

const titled = (...names) => names.map((name, index) => ({ const: `value${index + 1}`, title: name }));
const options = ['option1', 'option2', 'option3'];

/** A form with a default for every primitive type. */
export const defaultsSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

/** A form with every kind of enum. */
export const enumsSchema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled('First', 'Second', 'Third') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['First', 'Second', 'Third'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled('First', 'Second', 'Third') } },
  },
};

const contents = {
  'test://static-text': { mimeType: 'text/plain', text: 'A static text resource.' },
  'test://static-binary': { mimeType: 'image/png', blob: PNG },
  'test://watched-resource': { mimeType: 'text/plain', text: 'A resource to watch.' },
};

export const resources = Object.entries(contents).map(([uri, { mimeType }]) => ({
  uri,
  name: uri.slice('test://'.length),
  description: `The resource ${uri}`,
  mimeType,
}));

export const resourceTemplate = {
  uriTemplate: 'test://template/{id}/data',
  name: 'template',
  description: 'Data by id',
  mimeType: 'application/json',
};

/** The result of resources/read, or undefined when there is no such resource. */
export function readResource(uri) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) {
    const data = JSON.stringify({ id, data: `Data of ${id}` });
    return { contents: [{ uri, mimeType: resourceTemplate.mimeType, text: data }] };
  }
  const found = Object.hasOwn(contents, uri) ? contents[uri] : undefined;
  return found && { contents: [{ uri, ...found }] };
}

export const user = (content) => ({ role: 'user', content });

/** Prompts: name, description, required argument names, messages for the arguments. */
export const prompts = [
  ['test_simple_prompt', 'A fixed prompt', [], () => [user(text('A simple prompt.'))]],
  [
    'test_prompt_with_arguments',
    'A prompt with two arguments',
    ['arg1', 'arg2'],
    ({ arg1, arg2 }) => [user(text(`The arguments are '${arg1}' and '${arg2}'.`))],
  ],
  [
    'test_prompt_with_embedded_resource',
    'A prompt that embeds a resource',
    ['resourceUri'],
    ({ resourceUri }) => [
      user(embedded(resourceUri, 'text/plain', 'The embedded resource.')),
      user(text('Use the resource above.')),
    ],
  ],
  [
    'test_prompt_with_image',
    'A prompt that shows an image',
    [],
    () => [user(image), user(text('Describe the image above.'))],
  ],
];

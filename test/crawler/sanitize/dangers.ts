import { Parser } from 'htmlparser2';

const ALLOWED_TAGS =
  /^(?:a|abbr|b|blockquote|br|code|div|em|figure|h[1-6]|hr|i|img|li|ol|p|pre|q|s|span|strong|sub|sup|table|tbody|td|th|thead|tr|u|ul|audio|video|source|picture|details|summary|small|del|ins|cite|section|article|time|mark|dl|dt|dd|figcaption|caption|center)$/;
const ALLOWED_ATTRIBUTES =
  /^(?:href|src|srcset|sizes|alt|title|width|height|loading|referrerpolicy|rel|target|controls|preload|poster|cite|dir|lang|type|media|datetime|colspan|rowspan|scope|span|start|reversed|value|open)$/;
const URL_ATTRIBUTES = /^(?:href|src|poster|cite)$/;

/** What could run, load or track in a browser that shows this. */
export function dangers(html: string): string[] {
  const found: string[] = [];
  const parser = new Parser({
    onopentag(name, attributes) {
      if (!ALLOWED_TAGS.test(name)) found.push(`<${name}>`);
      for (const [key, value] of Object.entries(attributes)) {
        if (!ALLOWED_ATTRIBUTES.test(key)) found.push(key);
        if (URL_ATTRIBUTES.test(key) && !/^(?:https?:\/\/|mailto:)/.test(value)) found.push(`${key}=${value}`);
        if (key === 'srcset' && !value.split(', ').every((part) => /^https?:\/\//.test(part)))
          found.push(`srcset=${value}`);
        if (key === 'target' && value !== '_blank') found.push(`target=${value}`);
        if (key === 'rel' && value !== 'noopener noreferrer') found.push(`rel=${value}`);
      }
    },
    oncomment: () => found.push('comment'),
    onprocessinginstruction: () => found.push('instruction'),
  });
  parser.write(html);
  parser.end();
  return found;
}

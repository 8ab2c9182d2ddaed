import { escapeMarkup } from './markup.ts';
import { between, randomFor } from './random.ts';

/** A calm little landscape as SVG, always the same for the same name and colour. */
export function drawing(name: string, colour: string, width: number, height: number): string {
  const random = randomFor(0, 'drawing', name, colour);
  const fill = escapeMarkup(colour);
  const sun = `<circle cx="${between(random, 10, 90)}%" cy="${between(random, 15, 45)}%" r="${Math.round(height / 9)}" fill="#fff" opacity=".7"/>`;
  const hills = [0.35, 0.55, 0.8].map((opacity, i) => {
    const y = Math.round(height * (0.45 + 0.16 * i));
    const [a, b] = [between(random, -40, 40), between(random, -40, 40)].map((d) => y + Math.round((d * height) / 200));
    return `<path d="M0 ${y}C${Math.round(width / 3)} ${a} ${Math.round((2 * width) / 3)} ${b} ${width} ${y}V${height}H0Z" fill="#1b2733" opacity="${opacity * 0.6}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${fill}"/>${sun}${hills.join('')}</svg>`;
}

/** A square with the first letter of the name. */
export function icon(title: string, colour: string): string {
  const letter = escapeMarkup(title.charAt(0).toUpperCase());
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="12" fill="${escapeMarkup(colour)}"/><text x="32" y="45" font-size="38" font-family="Georgia,serif" fill="#fff" text-anchor="middle">${letter}</text></svg>`;
}

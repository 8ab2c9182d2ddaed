import { MongoClient } from 'mongodb';

/** All documents of all collections of a database as text, in one order: two that are alike are the same. */
export async function mongodbState(url: string): Promise<string> {
  await using client = new MongoClient(url);
  const db = client.db(new URL(url).pathname.slice(1));
  const collections = await db.listCollections({}, { nameOnly: true }).toArray();
  const lines: string[] = [];
  for (const { name } of collections.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const docs = await db.collection(name).find().sort({ _id: 1 }).toArray();
    lines.push(...docs.map((doc) => `${name} ${JSON.stringify(doc)}`));
  }
  return lines.join('\n');
}

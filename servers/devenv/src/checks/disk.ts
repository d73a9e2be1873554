import { statfs } from 'node:fs/promises';

/** Below this share of free space the disk is a warning. */
const LOW = 0.05;

export interface Disk {
  freeBytes: number;
  totalBytes: number;
  low: boolean;
}

/** The disk that a folder is on. */
export async function readDisk(path: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(path);
  const [freeBytes, totalBytes] = [bavail * bsize, blocks * bsize];
  return { freeBytes, totalBytes, low: totalBytes > 0 && freeBytes / totalBytes < LOW };
}

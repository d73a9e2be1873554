/** Vite gives the address of an image, and takes style sheets to itself. */
declare module '*.svg' {
  const address: string;
  export default address;
}
declare module '*.css';

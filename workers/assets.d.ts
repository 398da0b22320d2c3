// Vite's own client types pull in the DOM library, which workers must not see.
declare module '*.wgsl?raw' {
  const source: string
  export default source
}
declare module '*?url' {
  const url: string
  export default url
}
/** AssemblyScript as WebAssembly (vision/simd/plugin.ts). */
declare module '*?asc' {
  export const plain: Uint8Array<ArrayBuffer>
  export const relaxed: Uint8Array<ArrayBuffer>
}

// Vite's own client types pull in the DOM library, which workers must not see.
declare module '*.wgsl?raw' {
  const source: string
  export default source
}
declare module '*?url' {
  const url: string
  export default url
}

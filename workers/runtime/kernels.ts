/** Compute pipelines of one WGSL module, bound and dispatched by name. */

export type Dispatch = readonly [x: number, y?: number]

export class Kernels<Entry extends string> {
  private constructor(
    readonly device: GPUDevice,
    readonly pipelines: ReadonlyMap<Entry, GPUComputePipeline>,
  ) {}

  /** Compiles `entries` of `code`. Rejects with a GPUPipelineError where the code or the device will not do. */
  static async compile<Entry extends string>(
    device: GPUDevice,
    code: string,
    entries: readonly Entry[],
    constants: Record<string, number> = {},
  ): Promise<Kernels<Entry>> {
    const module = device.createShaderModule({ code })
    const pipelines = await Promise.all(
      entries.map(async (entryPoint) => {
        const compute = { module, entryPoint, constants }
        return [entryPoint, await device.createComputePipelineAsync({ layout: 'auto', compute })] as const
      }),
    )
    return new Kernels(device, new Map(pipelines))
  }

  /** Encodes one dispatch of `entry`; `bindings` by binding number. */
  run(
    encoder: GPUCommandEncoder,
    entry: Entry,
    bindings: Readonly<Record<number, GPUBuffer | GPUTextureView | GPUExternalTexture>>,
    [x, y = 1]: Dispatch,
  ): void {
    const pipeline = this.pipelines.get(entry)
    if (!pipeline) throw new Error(`kernel ${entry} was not compiled`)
    const entries = Object.entries(bindings).map(([binding, resource]) => ({
      binding: Number(binding),
      resource: resource instanceof GPUBuffer ? { buffer: resource } : resource,
    }))
    const pass = encoder.beginComputePass({ label: entry })
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(x, y)
    pass.end()
  }
}

// Where the metachain of a run lives: a given directory, or a temporary one removed at the end.
import { mkdtemp, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Metachain, type Network } from 'libmetachain'

export class Store {
  readonly directory: string
  readonly #temporary: boolean
  readonly #network: Network
  #metachain: Metachain

  private constructor(directory: string, temporary: boolean, network: Network, metachain: Metachain) {
    this.directory = directory
    this.#temporary = temporary
    this.#network = network
    this.#metachain = metachain
  }

  static async open(directory: string | undefined, network: Network): Promise<Store> {
    const path = directory === undefined ? await mkdtemp(join(tmpdir(), 'libmetachain-')) : resolve(directory)
    try {
      await mkdir(path, { recursive: true })
      return new Store(path, directory === undefined, network, await Store.#openAt(path, network))
    } catch (error) {
      if (directory === undefined) await rm(path, { recursive: true, force: true })
      throw error
    }
  }

  static #openAt(path: string, network: Network): Promise<Metachain> {
    return Metachain.open({ path, genesis: { chainId: 'libmetachain example', network } })
  }

  /** The chain's open handle. */
  get metachain(): Metachain {
    return this.#metachain
  }

  /** Closes the store and opens it again, as a process that was stopped and started. */
  async reopen(): Promise<Metachain> {
    await this.#metachain.close()
    this.#metachain = await Store.#openAt(this.directory, this.#network)
    return this.#metachain
  }

  /** Disk space in use, in bytes: preallocated space that nothing was written to does not count. */
  async bytes(): Promise<number> {
    let sum = 0
    for (const entry of await readdir(this.directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const { size, blocks } = await stat(join(entry.parentPath, entry.name))
      sum += Math.min(size, blocks * 512)
    }
    return sum
  }

  async close(): Promise<void> {
    await this.#metachain.close()
    if (this.#temporary) await rm(this.directory, { recursive: true, force: true })
  }
}

// A JSON-RPC server on an open metachain: what it is told, and its life beside the event loop.
import { isIP } from 'node:net'
import { type NativeGrant, type NativeLimits, type NativeRpcServer, startRpcServer } from '#binding'
import { Checks } from './arguments.js'
import { badChainArgument, call, callAsync } from './errors.js'
import { type Metachain, nativeOf } from './metachain.js'

const checks: Checks = new Checks(badChainArgument)

/** How much a server bears before it refuses; what is left out has the default that docs/rpc.md lists. */
export interface RpcServerLimits {
  /** Bytes of a request's body; default 1 MiB. */
  bodyBytesMax?: number
  /** Bytes of the body of a method that takes blocks; default 64 MiB. */
  blockBodyBytesMax?: number
  /** Such larger bodies in memory at one time; others wait. Default 4. */
  blockBodiesMax?: number
  /** Bytes of an answer; default 64 MiB. */
  responseBytesMax?: number
  /** Calls in a batch; default 100. */
  batchMax?: number
  /** Levels of objects and lists in a request; default 64. */
  depthMax?: number
  /** Connections at one time; default 256. */
  connectionsMax?: number
  /** Calls that run at one time; others wait. Default 16. */
  callsMax?: number
  /** Milliseconds for a header, the first and every later one; default 10,000. */
  headerDeadlineMs?: number
  /** Milliseconds from a header's end to its body's; default 30,000. */
  bodyDeadlineMs?: number
  /** Milliseconds that a caller may take none of its answer; default 30,000. */
  writeDeadlineMs?: number
  /** Milliseconds that a refused caller is listened to, so that it can read the refusal; default 2,000. */
  lingerDeadlineMs?: number
  /** Milliseconds that `close` waits for calls in flight; default 10,000. */
  stopDeadlineMs?: number
}

/**
 * Where a server listens and whom it believes. At least one of the four secrets is needed: without one, whoever
 * reaches the port could move the chain.
 */
export interface ServeOptions {
  /** The IP address to listen on; default `'127.0.0.1'`. Beyond the loopback interface put TLS in front. */
  host?: string
  /** The port; default 0, which takes a free one (see `RpcServer.url`). */
  port?: number
  /** The bearer token that opens all methods: 16 or more visible ASCII characters. */
  token?: string
  /** The 32-byte key that opens all methods, with which callers sign each request (JWT, HS256). */
  jwtKey?: Uint8Array
  /** As `token`, for readers: it opens the queries only. */
  readToken?: string
  /** As `jwtKey`, for readers: it opens the queries only. */
  readJwtKey?: Uint8Array
  /** How much the server bears. */
  limits?: RpcServerLimits
}

/** Servers that listen. Nothing else may hold them: to call `serve` and forget what it returned is fine. */
const listening = new Set<RpcServer>()

/** The longest time that a timer of Node takes. */
const longest = 2 ** 31 - 1

/**
 * Serves an open metachain over JSON-RPC (docs/rpc.md) until it is closed. Calls run on threads of their own: the
 * event loop takes no part in them and may be busy. Any number of servers may stand on one chain, for example one
 * with all methods and one, elsewhere, with `readToken` only.
 *
 * The server keeps the process alive as Node's own servers do. It does not close the chain, and outlives its
 * closing: every call is then answered with `CLOSED`. Closing the server first is the orderly way.
 *
 * @throws MetachainError `BAD_ARGUMENT` (no secret, a bad one, an option out of range), `INTERNAL_IO` where the
 *   address cannot be listened on.
 */
export async function serve(chain: Metachain, options: ServeOptions): Promise<RpcServer> {
  const native = nativeOf(chain) ?? checks.fail('chain', 'a Metachain', chain)
  checks.object(options, 'options')
  const given = { host: hostOf(options.host), port: portOf(options.port), grants: grantsOf(options), limits: limitsOf(options.limits) }
  return started(await callAsync(() => startRpcServer(native, given)))
}

/** Makes the server's object; set by the class below, which nobody else can construct. */
let started: (native: NativeRpcServer) => RpcServer

/** A server that listens; made by `serve`. */
export class RpcServer {
  /** Where it listens, for example `http://127.0.0.1:8557`. */
  readonly url: string
  /** The port that it listens on. */
  readonly port: number
  readonly #native: NativeRpcServer
  /** Node sees nothing of the server's threads; this keeps its event loop from ending. */
  readonly #alive: NodeJS.Timeout
  #closed: Promise<void> | null = null

  static {
    started = (native) => new RpcServer(native)
  }

  private constructor(native: NativeRpcServer) {
    if (!native) checks.fail('RpcServer', 'made by serve', native)
    this.#native = native
    this.url = `http://${call(() => native.address)}`
    this.port = Number(this.url.slice(this.url.lastIndexOf(':') + 1))
    this.#alive = setInterval(() => {}, longest)
    listening.add(this)
  }

  /**
   * Stops listening, ends idle connections, answers the calls in flight (for no longer than the limit for stopping),
   * and lets go of the chain, which stays open. Resolves when that is done. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      await callAsync(() => this.#native.close())
    } finally {
      clearInterval(this.#alive)
      listening.delete(this)
    }
  }

  /** The process stays alive for this server; the default. */
  ref(): this {
    if (this.#closed === null) this.#alive.ref()
    return this
  }

  /** The process may end although this server listens. */
  unref(): this {
    this.#alive.unref()
    return this
  }

  /** `await using server = …` closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function hostOf(host: unknown): string {
  if (host === undefined || host === 'localhost') return '127.0.0.1'
  const text = checks.text(host, 'options.host')
  return isIP(text) === 0 ? checks.fail('options.host', 'an IP address', host) : text
}

function portOf(port: unknown): number {
  return checks.optional(port, (value) => checks.whole(value, 'options.port', 0, 65_535)) ?? 0
}

/** The secrets, each with what it opens. */
function grantsOf({ token, jwtKey, readToken, readJwtKey }: ServeOptions): NativeGrant[] {
  const grants: NativeGrant[] = []
  const tokens = [['options.token', token, true], ['options.readToken', readToken, false]] as const
  const keys = [['options.jwtKey', jwtKey, true], ['options.readJwtKey', readJwtKey, false]] as const
  // Neither message shows what was given: it may be a secret all the same.
  for (const [field, value, control] of tokens)
    if (typeof value === 'string') grants.push({ token: value, control })
    else if (value !== undefined) throw checks.error(`${field} must be a string`, { field })
  for (const [field, value, control] of keys)
    if (value instanceof Uint8Array) grants.push({ jwtKey: checks.hash(value, field), control })
    else if (value !== undefined) throw checks.error(`${field} must be a Uint8Array of 32 bytes`, { field })
  return grants
}

/** The limits and their least values; a time of 0 is none at all, which only the end of things may have. */
const limitMins: Record<keyof RpcServerLimits & keyof NativeLimits, 0 | 1> = {
  bodyBytesMax: 1,
  blockBodyBytesMax: 1,
  blockBodiesMax: 1,
  responseBytesMax: 1,
  batchMax: 1,
  depthMax: 1,
  connectionsMax: 1,
  callsMax: 1,
  headerDeadlineMs: 1,
  bodyDeadlineMs: 1,
  writeDeadlineMs: 1,
  lingerDeadlineMs: 0,
  stopDeadlineMs: 0,
}

function limitsOf(limits: RpcServerLimits | undefined): NativeLimits {
  if (limits === undefined) return {}
  checks.object(limits, 'options.limits')
  const native: NativeLimits = {}
  for (const [name, value] of Object.entries(limits)) {
    // A misspelt limit would leave the server open to what it was meant against.
    const min = Object.hasOwn(limitMins, name) ? limitMins[name as keyof RpcServerLimits] : checks.fail(`options.limits.${name}`, 'a limit that there is', value)
    if (value !== undefined) native[name as keyof RpcServerLimits] = checks.whole(value, `options.limits.${name}`, min, longest)
  }
  return native
}

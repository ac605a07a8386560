// A thin client of a metachain's JSON-RPC server: one call, typed by the specification, with a deadline.
import { createHmac } from 'node:crypto'
import { Checks, hashBytes } from './arguments.js'
import { badChainArgument, MetachainError } from './errors.js'
import { type MetachainMethods, idempotent } from './rpc-wire.js'

/** How a client calls. */
export interface RpcClientOptions {
  /** The bearer token that the server believes. */
  token?: string
  /** The 32-byte key that the server believes, instead of a token: every request is signed anew (JWT, HS256). */
  jwtKey?: Uint8Array
  /** How long a call may take, all its attempts together, 1 to 2^31 - 1; default 30,000. */
  deadlineMs?: number
  /** How often a call that does no harm when repeated is sent again after no answer came; default 2. */
  retries?: number
  /** The pause before the first repetition, doubled for each further one; default 50. */
  retryPauseMs?: number
  /** Bytes of the largest answer; default 64 MiB. */
  bytesMax?: number
  /** The chain that the server must have: another answers `GENESIS_MISMATCH`. */
  chainId?: string
  /** The hash of the genesis that the server must have, hex. */
  genesis?: string
}

const protocol = '1'
/** The longest time that a timer of Node takes. */
const longest = 2 ** 31 - 1

const checks: Checks = new Checks(badChainArgument)

/**
 * A client of a metachain's server (docs/rpc.md), or of any other that speaks the protocol.
 *
 * Values are those of the wire: integers of 64 bits as decimal strings (a `bigint` is sent as one), bytes as hex.
 * Everything throws `MetachainError`. Its codes are those of the chain, or `RPC_UNAUTHORIZED`, `RPC_TOO_LARGE`,
 * `RPC_TIMEOUT`, `RPC_UNAVAILABLE` and `RPC_PROTOCOL`; after a time-out the call may have been carried out all the
 * same. Arguments of the wrong type are `BAD_ARGUMENT`, with the field in the details, and nothing is sent.
 */
export class RpcClient {
  readonly #url: string
  readonly #options: RpcClientOptions
  #id = 0

  constructor(url: string | URL, options: RpcClientOptions = {}) {
    this.#url = addressOf(url)
    this.#options = checkedOptions(options)
  }

  /** Calls a method of the specification and waits for its answer. */
  async call<M extends keyof MetachainMethods>(
    method: M,
    input: MetachainMethods[M]['input'],
    options: { signal?: AbortSignal } = {},
  ): Promise<MetachainMethods[M]['output']> {
    checks.text(method, 'method')
    checks.object(options, 'options')
    const signal = checks.optional(options.signal, (value) => checks.signal(value, 'options.signal'))
    const body = written({ jsonrpc: '2.0', id: this.#id++, method, params: [input] })
    const { deadlineMs = 30_000, retries = 2, retryPauseMs = 50 } = this.#options
    const deadline = AbortSignal.timeout(deadlineMs)
    // Not AbortSignal.any, which hears nothing of a signal that is not Node's own.
    const ender = new AbortController()
    const end = (): void => ender.abort()
    if (signal?.aborted) end()
    deadline.addEventListener('abort', end)
    signal?.addEventListener('abort', end)
    try {
      for (let left = idempotent.has(method) ? retries : 0, pause = retryPauseMs; ; left--, pause *= 2) {
        try {
          return (await this.#attempt(body, ender.signal)) as MetachainMethods[M]['output']
        } catch (thrown) {
          const error = describe(thrown, method, deadline, signal)
          if (error.code !== 'RPC_UNAVAILABLE' || left === 0) throw error
          await pauseFor(pause, ender.signal)
        }
      }
    } finally {
      deadline.removeEventListener('abort', end)
      signal?.removeEventListener('abort', end)
    }
  }

  async #attempt(body: string, signal: AbortSignal): Promise<unknown> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: this.#headers(),
      body,
      signal,
      // A token is for the server that it was given for.
      redirect: 'manual',
    })
    const text = await textOf(response, this.#options.bytesMax ?? 64 * 2 ** 20)
    if (mediaType(response) !== 'application/json') throw refusedBetween(response.status)
    return resultOf(text)
  }

  #headers(): Record<string, string> {
    const { token, jwtKey, chainId, genesis } = this.#options
    const bearer = jwtKey ? signedToken(jwtKey) : token
    return {
      'content-type': 'application/json',
      'metachain-protocol': protocol,
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(chainId !== undefined && { 'metachain-chain-id': chainId }),
      ...(genesis !== undefined && { 'metachain-genesis': genesis.toLowerCase() }),
    }
  }
}

/** The address, in the form that `fetch` takes. */
function addressOf(url: unknown): string {
  const { protocol: scheme, username, password, href } = parsed(url)
  if (scheme !== 'http:' && scheme !== 'https:') checks.fail('url', 'an http address', href)
  // Not shown: they may open something.
  if (username !== '' || password !== '') throw checks.error('url must be without user and password, which this protocol does not have', { field: 'url' })
  return href
}

function parsed(url: unknown): URL {
  try {
    return new URL(url as string | URL)
  } catch {
    return checks.fail('url', 'an http address', url)
  }
}

/** A copy of the options, judged: what is wrong is told where it was written, not by every call. */
function checkedOptions(options: RpcClientOptions): RpcClientOptions {
  checks.object(options, 'options')
  const given = { ...options }
  const { deadlineMs, retries, retryPauseMs, bytesMax } = given
  checks.optional(deadlineMs, (value) => checks.whole(value, 'options.deadlineMs', 1, longest))
  checks.optional(retries, (value) => checks.whole(value, 'options.retries'))
  checks.optional(retryPauseMs, (value) => checks.whole(value, 'options.retryPauseMs', 0, longest))
  checks.optional(bytesMax, (value) => checks.whole(value, 'options.bytesMax', 1))
  // Messages do not show what was given: it may be a secret all the same.
  if (given.jwtKey !== undefined && !(given.jwtKey instanceof Uint8Array && given.jwtKey.length === hashBytes))
    throw checks.error(`options.jwtKey must be a Uint8Array of ${hashBytes} bytes`, { field: 'options.jwtKey' })
  for (const name of ['token', 'chainId', 'genesis'] as const)
    if (given[name] !== undefined && !isHeaderText(given[name]))
      throw checks.error(`options.${name} must be a text of printable ASCII characters, and not empty`, { field: `options.${name}` })
  return given
}

/** Whether a header can carry it: `fetch` refuses other text as if the server were away. */
function isHeaderText(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)
}

/** The call as JSON text. */
function written(call: object): string {
  try {
    return JSON.stringify(call)
  } catch {
    // Most likely there is a bigint in it. The quicker writer is tried first: this one takes several times as long.
  }
  try {
    return JSON.stringify(call, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  } catch (cause) {
    throw new MetachainError('BAD_ARGUMENT', `input cannot be written as JSON: ${(cause as Error).message}`, { details: { field: 'input' }, cause })
  }
}

/** The content type without its parameters. */
function mediaType(response: Response): string | undefined {
  return response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

function signedToken(key: Uint8Array): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: Math.floor(Date.now() / 1000) })}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

async function textOf(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new MetachainError('RPC_TOO_LARGE', `the answer has more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What something between this client and the server answered. */
function refusedBetween(status: number): MetachainError {
  const codes: Record<number, string> = {
    401: 'RPC_UNAUTHORIZED',
    403: 'RPC_UNAUTHORIZED',
    408: 'RPC_TIMEOUT',
    413: 'RPC_TOO_LARGE',
    429: 'RPC_UNAVAILABLE',
    502: 'RPC_UNAVAILABLE',
    503: 'RPC_UNAVAILABLE',
    504: 'RPC_TIMEOUT',
  }
  const code = codes[status] ?? 'RPC_PROTOCOL'
  return new MetachainError(code, `the server answered with status ${status}`, { retryable: isPassing(code) })
}

interface Answer {
  result?: unknown
  error?: {
    message?: unknown
    data?: { code?: unknown; verdict?: unknown; retryable?: unknown; details?: Record<string, unknown> }
  }
}

function resultOf(text: string): unknown {
  let answer: Answer
  try {
    answer = JSON.parse(text) as Answer
  } catch (cause) {
    throw new MetachainError('RPC_PROTOCOL', 'the answer is not JSON', { cause })
  }
  const { result, error } = answer ?? {}
  if (error === undefined || error === null) {
    if (result === undefined) throw new MetachainError('RPC_PROTOCOL', 'the answer has neither result nor error')
    return result
  }
  const { code, verdict, retryable, details } = error.data ?? {}
  if (typeof code !== 'string') throw new MetachainError('RPC_PROTOCOL', `an error without a code: ${String(error.message)}`)
  throw new MetachainError(code, String(error.message), {
    verdict: verdict === true,
    retryable: retryable === true,
    details: details ?? {},
  })
}

function isPassing(code: string): boolean {
  return code === 'RPC_TIMEOUT' || code === 'RPC_UNAVAILABLE'
}

/** The error for whatever ended an attempt. */
function describe(thrown: unknown, method: string, deadline: AbortSignal, signal?: AbortSignal): MetachainError {
  if (thrown instanceof MetachainError) return thrown
  const because = (code: string, message: string) =>
    new MetachainError(code, `${method}: ${message}`, { cause: thrown, retryable: isPassing(code) })
  if (signal?.aborted) return because('ABORTED', 'aborted')
  if (deadline.aborted) return because('RPC_TIMEOUT', 'no answer in time')
  const cause = thrown instanceof Error ? (thrown.cause as { code?: unknown; message?: unknown } | undefined) : undefined
  const what = String(cause?.message ?? thrown)
  // Node's HTTP parser names its errors so: the other side does not speak HTTP.
  if (String(cause?.code).startsWith('HPE_')) return because('RPC_PROTOCOL', what)
  return because('RPC_UNAVAILABLE', what)
}

/** Waits, or not to the end if the signal ends it first: the next attempt reports that. */
function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
  })
}

// A thin client of a metachain's JSON-RPC server: one call, typed by the specification, with a deadline.
import { createHmac } from 'node:crypto'
import { MetachainError } from './errors.js'
import { type MetachainMethods, idempotent } from './rpc-wire.js'

/** How a client calls. */
export interface RpcClientOptions {
  /** The bearer token that the server believes. */
  token?: string
  /** The 32-byte key that the server believes, instead of a token: every request is signed anew (JWT, HS256). */
  jwtKey?: Uint8Array
  /** How long a call may take, all its attempts together; default 30,000. */
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

/**
 * A client of a metachain's server (docs/rpc.md), or of any other that speaks the protocol.
 *
 * Values are those of the wire: integers of 64 bits as decimal strings, bytes as hex. Errors are those of the
 * chain, or `RPC_UNAUTHORIZED`, `RPC_TOO_LARGE`, `RPC_TIMEOUT`, `RPC_UNAVAILABLE` and `RPC_PROTOCOL`; after a
 * time-out the call may have been carried out all the same.
 */
export class RpcClient {
  readonly #url: string
  readonly #options: RpcClientOptions
  #id = 0

  constructor(url: string | URL, options: RpcClientOptions = {}) {
    const { protocol: scheme, href } = new URL(url)
    if (scheme !== 'http:' && scheme !== 'https:') throw new MetachainError('BAD_ARGUMENT', `${href} is no http address`)
    if (options.jwtKey !== undefined && options.jwtKey.length !== 32)
      throw new MetachainError('BAD_ARGUMENT', 'jwtKey must have 32 bytes')
    this.#url = href
    this.#options = { ...options }
  }

  /** Calls a method of the specification and waits for its answer. */
  async call<M extends keyof MetachainMethods>(
    method: M,
    input: MetachainMethods[M]['input'],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<MetachainMethods[M]['output']> {
    const { deadlineMs = 30_000, retries = 2, retryPauseMs = 50 } = this.#options
    const deadline = AbortSignal.timeout(deadlineMs)
    const ended = signal ? AbortSignal.any([deadline, signal]) : deadline
    const body = JSON.stringify({ jsonrpc: '2.0', id: this.#id++, method, params: [input] })
    for (let left = idempotent.has(method) ? retries : 0, pause = retryPauseMs; ; left--, pause *= 2) {
      try {
        return (await this.#attempt(body, ended)) as MetachainMethods[M]['output']
      } catch (thrown) {
        const error = describe(thrown, method, deadline, signal)
        if (error.code !== 'RPC_UNAVAILABLE' || left === 0) throw error
        await pauseFor(pause, ended)
      }
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
    if (response.headers.get('content-type') !== 'application/json') throw refusedBetween(response.status)
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

// Judges what callers pass, before anything crosses into the addon: wrong types are named, never guessed at.
import type { Complain } from './errors.js'

/** @internal */
export const hashBytes = 32

/** What a value is, for people. @internal */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return `an object of ${value.constructor?.name ?? 'no class'}`
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) return typeof value
  return `the ${typeof value} ${String(value)}`
}

/** Checks arguments on behalf of one of the two families of classes. @internal */
export class Checks {
  readonly #complain: Complain

  constructor(complain: Complain) {
    this.#complain = complain
  }

  fail(field: string, wanted: string, value: unknown, details: Record<string, unknown> = {}): never {
    throw this.#complain(`${field} must be ${wanted}, not ${describe(value)}`, { field, ...details })
  }

  error(message: string, details: Record<string, unknown>): Error {
    return this.#complain(message, details)
  }

  text(value: unknown, field: string): string {
    return typeof value === 'string' ? value : this.fail(field, 'a string', value)
  }

  bytes(value: unknown, field: string): Uint8Array {
    return value instanceof Uint8Array ? value : this.fail(field, 'a Uint8Array', value)
  }

  hash(value: unknown, field: string): Uint8Array {
    if (!(value instanceof Uint8Array)) this.fail(field, 'a Uint8Array of 32 bytes', value)
    if (value.length !== hashBytes)
      throw this.#complain(`${field} must have 32 bytes, not ${value.length}`, { field, length: value.length })
    return value
  }

  /** A height, count or time: a whole number that a double holds exactly. */
  whole(value: unknown, field: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
    return this.fail(field, `a whole number ${range}`, value)
  }

  /** An object of named values, so no array. */
  object(value: unknown, field: string): object {
    return Array.isArray(value) ? this.fail(field, 'an object', value) : this.isObject(value, field)
  }

  isObject(value: unknown, field: string): object {
    return typeof value === 'object' && value !== null ? value : this.fail(field, 'an object', value)
  }

  iterable(value: unknown, field: string): void {
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) this.fail(field, 'iterable', value)
  }

  callable(value: unknown, field: string): void {
    if (typeof value !== 'function') this.fail(field, 'a function', value)
  }

  /** What has the interface of an AbortSignal: one of another realm, or of a library, is as good as Node's. */
  signal(value: unknown, field: string): AbortSignal {
    const { aborted, addEventListener, removeEventListener } = Object(value) as Partial<AbortSignal>
    const isSignal = typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
    return isSignal ? (value as AbortSignal) : this.fail(field, 'an AbortSignal', value)
  }

  /** One of a few words. */
  word<T extends string>(value: unknown, field: string, words: readonly T[]): T {
    return words.includes(value as T)
      ? (value as T)
      : this.fail(field, `one of ${words.map((word) => `'${word}'`).join(', ')}`, value)
  }

  /** `check` applied to a value that may be left out. */
  optional<T>(value: unknown, check: (value: unknown) => T): T | undefined {
    return value === undefined ? undefined : check(value)
  }
}

// The summary of a run: one object, printed for people or as JSON.
import type { Metachain } from 'libmetachain'
import type { Reorganisation, Restart } from './mining.js'
import { grouped, rate } from './progress.js'
import type { Conversion } from './stake.js'
import type { Tally } from './tally.js'

export interface Summary {
  source: string
  metachain: Metachain
  tally: Tally
  nativeLocked: bigint
  seconds: number
  storeBytes: number
  /** The directory, where it stays. */
  directory: string | null
  known: number
  reorganisation: Reorganisation | null
  restart: Restart | null
  stopped: boolean
  conversion: Conversion
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Base units as coins. */
function coins(units: bigint): string {
  const sign = units < 0n ? '-' : ''
  const digits = (units < 0n ? -units : units).toString().padStart(9, '0')
  return `${sign}${grouped(BigInt(digits.slice(0, -8)))}.${digits.slice(-8)}`
}

const perBlock = (milliseconds: number, blocks: number): string => (blocks === 0 ? '0' : (milliseconds / blocks).toFixed(2))

/** Rows of a name and a value, the values in one column. */
function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}

function chainRows(summary: Summary): [string, string][] {
  const { metachain, tally, nativeLocked, reorganisation, restart } = summary
  const { tip, supply, locked } = metachain
  const equal = supply === locked && locked === nativeLocked
  const rows: [string, string][] = [
    ['height', `${grouped(tip.height)} (native block ${tip.nativeHeight === null ? 'none' : grouped(tip.nativeHeight)})`],
    ['blocks connected', grouped(tally.blocks) + (summary.known > 0 ? `, ${grouped(summary.known)} more were in the store already` : '')],
    ['transactions', `${grouped(tally.accepted)} accepted, ${grouped(tally.rejected)} rejected`],
    ['  deposits', `${grouped(tally.deposits.count)} of ${coins(tally.deposits.amount)}`],
    ['  transfers', `${grouped(tally.transfers.count)} of ${coins(tally.transfers.amount)}`],
    ['  withdrawals', `${grouped(tally.withdrawals.count)} of ${coins(tally.withdrawals.amount)}`],
    ['supply', coins(supply)],
    ['locked', coins(locked)],
    ['native lock balance', `${coins(nativeLocked)}  ${equal ? '(all three are equal)' : '(THE THREE DIFFER)'}`],
    ['state root', hex(tip.stateRoot)],
    ['tip hash', hex(tip.hash)],
  ]
  if (reorganisation)
    rows.push(['reorganisation', `at height ${grouped(reorganisation.fromHeight)}: ${reorganisation.undone} undone, ${reorganisation.mined} mined instead, ${reorganisation.rejected} payments fell with a deposit spent otherwise`])
  if (restart) rows.push(['restart', `at height ${grouped(restart.height)}: closed and opened in ${restart.milliseconds.toFixed(0)} ms, same tip and state root`])
  return [
    ...rows,
    ['speed', `${rate(tally.blocks / summary.seconds)} blocks/s, ${rate(tally.accepted / summary.seconds)} tx/s`],
    ['  a block', `${perBlock(tally.mintMs, tally.blocks)} ms to mint, ${perBlock(tally.connectMs, tally.blocks)} ms to connect durably`],
    ['store', `${grouped(Math.ceil(summary.storeBytes / 1024))} KiB on disk, block files being preallocated${summary.directory === null ? ', temporary' : ` in ${summary.directory}`}`],
  ]
}

function rejectionRows({ tally }: Summary): [string, string][] {
  return [...tally.rejections.entries()]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([code, { count, example }]) => [code, `${grouped(count).padStart(8)}  such as: ${example}`])
}

function conversionText({ driverHash, driverVersion, json, rkyv, decoded, same }: Conversion): string {
  const rows = hex(rkyv).match(/.{1,64}/g) ?? []
  const shown = rows.length > 6 ? [...rows.slice(0, 4), `… ${rows.length - 5} more rows …`, ...rows.slice(-1)] : rows
  return [
    `Dusk stake contract, driver ${driverVersion} (SHA-256 ${driverHash.slice(0, 16)}…)`,
    ...`JSON:\n${json}`.split('\n').map((line) => `  ${line}`),
    `  encoded for the contract's function 'stake', ${rkyv.length} bytes of rkyv:`,
    ...shown.map((row) => `    ${row}`),
    ...`decoded again:\n${JSON.stringify(decoded, null, 2)}`.split('\n').map((line) => `  ${line}`),
    `  ${same ? 'The decoded object equals the given one.' : 'THE DECODED OBJECT DIFFERS.'}`,
  ].join('\n')
}

/** The summary as a person reads it. */
export function summaryText(summary: Summary): string {
  const rejections = rejectionRows(summary)
  const parts = [`Metachain, ${summary.source}${summary.stopped ? ' (stopped early)' : ''}`, table(chainRows(summary))]
  if (rejections.length > 0) parts.push('', 'Rejected transactions, left out of their native blocks', table(rejections))
  if (summary.tally.surprises > 0) parts.push(`  ${summary.tally.surprises} transactions met another verdict than they were made for.`)
  return [...parts, '', conversionText(summary.conversion), ''].join('\n')
}

const jsonKind = ({ count, amount }: { count: number; amount: bigint }) => ({ count, amount: amount.toString() })

/** The summary as one line of JSON: amounts are strings of base units, bytes are hex. */
export function summaryJson(summary: Summary): string {
  const { metachain, tally, conversion } = summary
  const { tip } = metachain
  return JSON.stringify({
    source: summary.source,
    stopped: summary.stopped,
    height: tip.height,
    nativeHeight: tip.nativeHeight,
    hash: hex(tip.hash),
    stateRoot: hex(tip.stateRoot),
    supply: metachain.supply.toString(),
    locked: metachain.locked.toString(),
    nativeLocked: summary.nativeLocked.toString(),
    blocks: tally.blocks,
    known: summary.known,
    accepted: tally.accepted,
    rejected: tally.rejected,
    deposits: jsonKind(tally.deposits),
    transfers: jsonKind(tally.transfers),
    withdrawals: jsonKind(tally.withdrawals),
    rejections: Object.fromEntries([...tally.rejections].map(([code, { count }]) => [code, count])),
    surprises: tally.surprises,
    reorganisation: summary.reorganisation,
    restart: summary.restart,
    seconds: summary.seconds,
    mintMs: tally.mintMs,
    connectMs: tally.connectMs,
    storeBytes: summary.storeBytes,
    directory: summary.directory,
    stake: {
      driverHash: conversion.driverHash,
      driverVersion: conversion.driverVersion,
      rkyv: hex(conversion.rkyv),
      decoded: conversion.decoded,
      same: conversion.same,
    },
  })
}

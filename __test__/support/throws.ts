// What a refused call must leave behind: an error of the right class, with the right code.
import { DriverError, MetachainError } from 'libmetachain'
import { type ExecutionContext } from 'ava'

/** The error of a call that throws or rejects; fails the test where it does neither, or throws anything else. */
async function caught(t: ExecutionContext, call: () => unknown): Promise<MetachainError | DriverError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof MetachainError || error instanceof DriverError) return error
    throw error
  }
  t.fail('nothing was thrown')
  throw new Error('nothing was thrown')
}

/** The call must fail with a `MetachainError` of this code; its verdict follows from the code. */
export async function refused(t: ExecutionContext, code: string, call: () => unknown): Promise<MetachainError> {
  const error = await caught(t, call)
  t.true(error instanceof MetachainError, `${error.name} ${error.code}: ${error.message}`)
  t.is(error.code, code, error.message)
  t.is(error.verdict, code.startsWith('INVALID_') && !['INVALID_ADDRESS', 'INVALID_PROOF'].includes(code))
  t.true(error.message.length > 0)
  return error as MetachainError
}

/** The call must fail with a `DriverError` of this code. */
export async function driverRefused(t: ExecutionContext, code: string, call: () => unknown): Promise<DriverError> {
  const error = await caught(t, call)
  t.true(error instanceof DriverError, `${error.name} ${error.code}: ${error.message}`)
  t.is(error.code, code, error.message)
  return error as DriverError
}

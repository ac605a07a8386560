// A small driver and its owner's signatures, made once: signing needs what this package does not have.
//
// The key is that of the BLS secret whose first byte is 7 and whose others are 0.

/** A module as `obedientDriver` writes it; kept as bytes, because the signatures are over these. */
export const signedDriver: Uint8Array = Buffer.from(
  [
    'AGFzbQEAAAABSApgAABgAX8Bf2ACf38AYAJ/fwF/YAZ/f39/f38Bf2AGf39/f39/AX9gBn9/f39/fwF/YAZ/f39/f38Bf2ACf38Bf2ACf38Bfw',
    'MLCgABAgMEBQYHCAkFAwEAQAYIAX8BQYCABAsHlQELBm1lbW9yeQIABGluaXQAAAVhbGxvYwABB2RlYWxsb2MAAg5nZXRfbGFzdF9lcnJvcgAD',
    'D2VuY29kZV9pbnB1dF9mbgAED2RlY29kZV9pbnB1dF9mbgAFEGRlY29kZV9vdXRwdXRfZm4ABgxkZWNvZGVfZXZlbnQABwpnZXRfc2NoZW1hAA',
    'gLZ2V0X3ZlcnNpb24ACQrFBQoCAAsLACMAIwAgAGokAAsCAAtqACAAQQw2AAAgAEHhADoABCAAQfMAOgAFIABBIDoABiAAQfIAOgAHIABB5QA6',
    'AAggAEHxADoACSAAQfUAOgAKIABB5QA6AAsgAEHzADoADCAAQfQAOgANIABB5QA6AA4gAEHkADoAD0EACyYAIANBBGogBUsEQEEEDwsgBCADNg',
    'AAIARBBGogAiAD/AoAAEEACyYAIANBBGogBUsEQEEEDwsgBCADNgAAIARBBGogAiAD/AoAAEEACyYAIANBBGogBUsEQEEEDwsgBCADNgAAIARB',
    'BGogAiAD/AoAAEEAC5UDACACLQAAQQFGBEBBcCgAABoLIAItAABBAkYEQAALIAItAABBA0YEQEEBQQBtGgsgAi0AAEEERgRAA0AMAAsLIAItAA',
    'BBBUYEQEECDwsgAi0AAEEGRgRAIAAgASACIAMgBCAFEAcaCyACLQAAQQdGBEAgBEEJNgAAIARB7gA6AAQgBEHvADoABSAEQSA6AAYgBEH7ADoA',
    'ByAEQSA6AAggBEHqADoACSAEQfMAOgAKIARB7wA6AAsgBEHuADoADEEADwsgBEEcNgAAIARB+wA6AAQgBEEiOgAFIARB4gA6AAYgBEHpADoABy',
    'AEQecAOgAIIARBIjoACSAEQTo6AAogBEExOgALIARBODoADCAEQTQ6AA0gBEE0OgAOIARBNjoADyAEQTc6ABAgBEE0OgARIARBNDoAEiAEQTA6',
    'ABMgBEE3OgAUIARBMzoAFSAEQTc6ABYgBEEwOgAXIARBOToAGCAEQTU6ABkgBEE1OgAaIARBMToAGyAEQTY6ABwgBEExOgAdIARBNToAHiAEQf',
    '0AOgAfQQALCwAgAEEANgAAQQALLgAgAEEFNgAAIABBMToABCAAQS46AAUgAEEyOgAGIABBLjoAByAAQTM6AAhBAAs=',
  ].join(''),
  'base64',
)

const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'))

/** What the bound signature covers beside the module. */
export const signedFor = { contractId: 'a', version: '1.2.3' }

export const owner = {
  base58: 'qaJoSNfnh7kLyMPvFkWUPhzcAo2aDexVuGGjRZvghm31NPk7i8N57EFgKoYNBAicCfZVFm9icdcQYEoedS9jN5RZhYeuoSWbmomXdm7A1yUfPSUovheWccGYUvVkKCUnt7V',
  hex: '8d0273f6bf31ed37c3b8d68083ec3d8e20b5f2cc170fa24b9b5be35b34ed013f9a921f1cad1644d4bdb14674247234c8049cd1dbb2d2c3581e54c088135fef36505a6823d61b859437bfc79b617030dc8b40e32bad1fa85b9c0f368af6d38d3c',
}

/** Over the module alone, as Dusk's tools sign. */
export const plainSignature: Uint8Array = hex('89173eff8491fd71e3f50378648e68696275b4b58b9456a274133d62f1b98483275ee6f8fee6be8adc0410092b382f04')
/** Over contract id and version too. */
export const boundSignature: Uint8Array = hex('964a828ddb68e84059349cfd3161e6b4de738afb63cc695e349c07ee516419984d0b1fb7b018c5c935e74b5c45cab7f6')

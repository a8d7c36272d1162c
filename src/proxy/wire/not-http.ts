/** What came is not HTTP, or none that can be trusted. */
export class NotHttp extends Error {
  override readonly name = 'NotHttp';
  /** llhttp's name of the error, or one like it: HPE_… */
  readonly code: string;

  constructor(code: string, reason: string) {
    super(`not HTTP: ${reason}`);
    this.code = code;
  }
}

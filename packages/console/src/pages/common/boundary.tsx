import { Component, type ComponentChildren, type JSX } from 'preact';

interface BoundaryProps {
  /** What is drawn, as in "The view Tools". */
  readonly what: string;
  /** When this changes, it is drawn again. */
  readonly of: string;
  /** Leaves what could not be drawn. @default it is only drawn again */
  onGoOn?(): void;
  readonly children: ComponentChildren;
}

/** Keeps what fails while it is drawn to itself: says so in its place, and lets the person go on. */
export class Boundary extends Component<BoundaryProps, { readonly wrong?: string | undefined }> {
  static override getDerivedStateFromError(error: unknown): { wrong: string } {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }

  override componentDidUpdate(before: BoundaryProps): void {
    if (before.of !== this.props.of && this.state.wrong !== undefined) this.setState({ wrong: undefined });
  }

  override render(): JSX.Element {
    const { what, children, onGoOn } = this.props;
    const { wrong } = this.state;
    if (wrong === undefined) return <>{children}</>;
    const goOn = (): void => {
      onGoOn?.();
      this.setState({ wrong: undefined });
    };
    return (
      <div class="banner bad" role="alert">
        <p>
          {what} could not be drawn: {wrong}
        </p>
        <button type="button" onClick={goOn}>
          Go on
        </button>
      </div>
    );
  }
}

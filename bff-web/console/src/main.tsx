import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';

const place = document.getElementById('console');
if (place !== null)
  render(
    <main>
      <h1>Grapevine</h1>
    </main>,
    place,
  );
